"""Nothing of a guest goes to a partner without a yes of theirs that counts at that moment."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import Account, Claim
from app.accounts.restrictions import OBJECT, RESTRICT, restrict
from app.booking.links import guest_url
from app.booking.models import Reservation
from app.consent import permissions
from app.consent.models import PersonPermission
from app.consent.permissions_live import LivePermission, NotPermitted, demand
from app.core.database import db
from app.core.datamap import Purpose
from app.core.egress import MAIL_RELAY, Egress
from app.core.vault import vault
from app.guestbook import partners, partners_sending
from app.guestbook.partners_models import PartnerTerms, PartnerTransfer
from tests.accounts.ways import make_guest
from tests.guestbook.partnering import (
    ALICE,
    allow,
    booked,
    disallow,
    enter,
    facts,
    line_up,
    refusals,
    sent,
    sweep,
)
from tests.house.visitor import Visitor
from tests.owner.guests import details
from tests.privacy.test_disclosures import noted, relay

__all__ = ["relay"]

# The clock begins on the fifth at ten by the place's; at nine on the seventeenth it is time.
UNTIL_SENT = timedelta(days=12)


@pytest.fixture
def alice(place, clock):
    """The id and person of a reservation from 20 to 23 May."""
    return booked(place, clock)


@pytest.fixture
def wheels(place, clock):
    """The number of a partner that may get names and dates, and that of its terms."""
    return enter(place, clock)


def page_of(app, reservation_id):
    with app.test_request_context():
        return guest_url(db.session.get(Reservation, reservation_id))


def change(app, clock, partner_id, **changes):
    with app.app_context():
        partners.change(partner_id, facts(**changes), now=clock())
        db.session.commit()
        return partners.terms_of(partner_id).id


def permit(app, clock, terms_id, reservation_id):
    """Take what would go to a partner in hand, as whoever sends it has to."""
    with app.app_context():
        return partners_sending.permit(
            db.session.get(PartnerTerms, terms_id),
            db.session.get(Reservation, reservation_id),
            now=clock(),
        ).kinds


# -- Off until it is turned on ----------------------------------------------------------------


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_from_the_switch_to_the_mail_and_back(place, clock, alice, wheels):
    guest = Visitor(place)
    address = page_of(place, alice[0])
    before = guest.open(address)
    clock.move(UNTIL_SENT - timedelta(days=1))
    nothing = sweep(place, clock)
    on = guest.send(before.form(f"/partners/{wheels[1]}/on"))
    early = sweep(place, clock)
    clock.move(timedelta(days=1))
    [mail] = sweep(place, clock)
    again = sweep(place, clock)
    after = guest.open(address)
    off = guest.send(after.form(f"/partners/{wheels[1]}/off"))

    for said in (
        "Schilfrad, Am Hafen 3, schilfrad.example, Germany",
        "bicycles stand ready",
        "your name: Alice Kanarienvogel; the days of your stay: ",
        "by a mail, 3 days before you arrive",
        "for 7 days after your stay, as they told us",
    ):
        assert said in before.words
    assert "Schilfrad gets something of you: off" in before.words
    assert "Schilfrad gets something of you: on" in on.words
    assert "you said yes on the page of a reservation" in on.words
    assert nothing == early == []
    assert len(again) == 1
    text = mail.get_body(("plain",)).get_content()
    assert str(mail["To"]) == "Schilfrad <hello@schilfrad.example>"
    assert "Name: Alice Kanarienvogel" in text
    assert "17 May 2031, to Schilfrad: your name, the days of your stay" in after.words
    assert "Schilfrad gets something of you: off" in off.words
    assert "you took it back on the page of a reservation" in off.words


@pytest.mark.clause("C21")
@pytest.mark.both_databases
@pytest.mark.parametrize("kind", partners.KINDS)
def test_only_what_was_permitted_is_in_the_mail(place, clock, alice, kind):
    _, terms_id = enter(place, clock, kinds=[kind])
    allow(place, clock, alice[1], terms_id)
    with place.app_context():
        reference = db.session.get(Reservation, alice[0]).reference
    clock.move(UNTIL_SENT)
    [mail] = sweep(place, clock)

    words = {
        "name": "Kanarienvogel",
        "email": "alice@kanarie.example",
        "phone": "4917139202777",
        "dates": "23 May 2031",
        "guests": "2 adults",
    }
    whole = mail.as_bytes().decode() + mail.get_body(("plain",)).get_content()
    assert {name for name, word in words.items() if word in whole} == {kind}
    assert reference not in whole


def test_a_switch_asks_for_the_key_of_the_reservation(place, clock, alice, wheels):
    guest = Visitor(place)
    path = page_of(place, alice[0]).partition("?")[0]

    for turn in ("on", "off"):
        assert guest.ask("POST", f"{path}/partners/{wheels[1]}/{turn}?key=no").status == 404
    assert refused(place, clock, wheels[1], alice[0])


def test_the_switches_ask_the_same_however_many_partners(place, clock, alice, count_queries):
    visitor, address = Visitor(place), page_of(place, alice[0])
    enter(place, clock)
    visitor.open(address)
    with count_queries() as one:
        visitor.open(address)
    for number in range(5):
        enter(place, clock, name=f"Partner {number}")
    with count_queries() as six:
        visitor.open(address)

    assert len(six) == len(one)


# -- A yes in hand ----------------------------------------------------------------------------


def refused(app, clock, terms_id, reservation_id):
    """Whether a transfer raises, and is recorded."""
    before = len(refusals(app))
    with pytest.raises(NotPermitted):
        permit(app, clock, terms_id, reservation_id)
    return len(refusals(app)) == before + 1


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_transfer_without_a_live_permission_raises_and_is_recorded(place, clock, alice, wheels):
    _, other = enter(place, clock, name="Another")
    _, bob = booked(place, clock, details("Bob", "bob@post.example"), room="lagoon-suite")
    never = refused(place, clock, wheels[1], alice[0])
    allow(place, clock, alice[1], other)
    allow(place, clock, bob, wheels[1])
    with place.app_context():
        permissions.give(alice[1], Purpose.SURVEY, how="account", now=clock())
        db.session.commit()
    somebody_elses = refused(place, clock, wheels[1], alice[0])
    allow(place, clock, alice[1], wheels[1])
    goes = permit(place, clock, wheels[1], alice[0])
    disallow(place, clock, alice[1], wheels[1])
    taken_back = refused(place, clock, wheels[1], alice[0])

    assert (never, somebody_elses, taken_back) == (True, True, True)
    assert goes == ["name", "dates"]
    assert refusals(place) == [(wheels[0], {})] * 3


@pytest.mark.clause("C21")
@pytest.mark.parametrize("how", ["objected", "restricted", "archived", "changed", "erased"])
def test_a_yes_alone_is_not_enough(place, clock, alice, wheels, how):
    allow(place, clock, alice[1], wheels[1])
    with place.app_context():
        if how == "objected":
            restrict([alice[1]], Purpose.PARTNER, OBJECT, now=clock())
        elif how == "restricted":
            restrict([alice[1]], Purpose.RESERVATION, RESTRICT, now=clock())
        elif how == "archived":
            partners.archive(wheels[0], now=clock())
        elif how == "changed":
            partners.change(wheels[0], facts(kinds=["name"]), now=clock())
        else:
            vault().destroy([alice[1]])
        db.session.commit()
    clock.move(UNTIL_SENT)

    assert sweep(place, clock) == []
    if how != "erased":
        assert refused(place, clock, wheels[1], alice[0])
    with place.app_context():
        assert db.session.scalar(sa.select(PartnerTransfer.id)) is None


@pytest.mark.clause("C21")
def test_nobody_makes_a_permission_by_hand(place, clock, alice, wheels):
    with place.app_context():
        row = PersonPermission(
            id=1, person_id=alice[1], purpose="partner", recipient=f"partner:{wheels[1]}"
        )
        with pytest.raises(TypeError):
            LivePermission(object(), row, [alice[1]])
        with pytest.raises(NotPermitted):
            demand([alice[1]], Purpose.PARTNER, recipient=f"partner:{wheels[1]}")


@pytest.mark.clause("C21")
@pytest.mark.both_databases
@pytest.mark.parametrize("what", ["other terms", "other purpose", "other person"])
def test_a_yes_in_hand_is_no_yes_to_something_else(place, clock, alice, wheels, what):
    allow(place, clock, alice[1], wheels[1])
    _, boats = enter(place, clock, name="Boats")
    other = details("Bob Zwölfelf", "bob@kanarie.example")
    bob, _ = booked(place, clock, other, room="boathouse")
    terms_id = boats if what == "other terms" else wheels[1]
    purpose = Purpose.PUBLIC if what == "other purpose" else Purpose.PARTNER
    with place.app_context():
        code = f"partner:{wheels[1]}"
        permissions.give(alice[1], Purpose.PUBLIC, recipient=code, how="account", now=clock())
        yes = demand([alice[1]], purpose, recipient=code)
        terms = db.session.get(PartnerTerms, terms_id)
        whose = db.session.get(Reservation, bob if what == "other person" else alice[0])

        with pytest.raises(NotPermitted):
            partners_sending.Handover(yes, terms, whose)


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_for_terms_that_ended_not_even_a_yes_that_counts_helps(place, clock, alice, wheels):
    allow(place, clock, alice[1], wheels[1])
    with place.app_context():  # and the yes to them didn't end, by whatever mistake
        db.session.execute(sa.update(PartnerTerms).values(ended_at=clock()))
        db.session.commit()
        assert demand([alice[1]], Purpose.PARTNER, recipient=f"partner:{wheels[1]}")
        db.session.rollback()

    assert refused(place, clock, wheels[1], alice[0])


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_yes_taken_back_between_the_queue_and_the_mail_stops_it(place, clock, alice, wheels):
    allow(place, clock, alice[1], wheels[1])
    clock.move(UNTIL_SENT)
    with place.app_context():
        lined_up = partners_sending.due(db.session.get(PartnerTerms, wheels[1]), now=clock())
        assert len(lined_up) == 1
        partners_sending._line_up(db.session.get(PartnerTerms, wheels[1]), lined_up[0], now=clock())
        permissions.take_back(
            [alice[1]], Purpose.PARTNER, recipient=f"partner:{wheels[1]}", now=clock()
        )
        db.session.commit()

    assert sweep(place, clock) == []
    assert refusals(place) == [(wheels[0], {})]


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_yes_taken_back_at_the_very_last_moment_stops_it(
    place,
    clock,
    alice,
    wheels,
    relay,
):
    sweep(place, clock)  # the confirmation of the booking
    relay.took.clear()

    class Slow(Egress):
        """An exit at which somebody takes their yes back while the mail is being made."""

        asked = 0

        def recipients(self):
            Slow.asked += 1
            if Slow.asked == 2:
                permissions.take_back(
                    [alice[1]], Purpose.PARTNER, recipient=f"partner:{wheels[1]}", now=clock()
                )
            return super().recipients()

        def mail_relay(self):
            return relay

    place.extensions["egress"] = Slow({MAIL_RELAY.code: "smtp://relay.example:587"})
    allow(place, clock, alice[1], wheels[1])
    clock.move(UNTIL_SENT)
    sweep(place, clock)

    assert Slow.asked >= 2
    assert relay.took == []
    assert refusals(place) == [(wheels[0], {})]
    with place.app_context():
        assert db.session.scalar(sa.select(PartnerTransfer.id)) is None


@pytest.mark.clause("C21")
def test_a_yes_on_the_page_of_one_stay_says_nothing_of_the_others(place, clock, alice, wheels):
    """They are in one account; whoever has the link of one sees, and allows, that one alone."""
    other = booked(place, clock, days=(date(2031, 5, 20), date(2031, 5, 22)), room="lagoon-suite")
    account_id = make_guest(place, clock, "alice@kanarie.example")
    with place.app_context():
        claims = db.session.scalars(sa.select(Claim)).all()
        assert {one.account_id for one in claims} == {account_id}
        assert {alice[1], other[1]} <= {one.person_id for one in claims}
    guest = Visitor(place)
    first, second = page_of(place, alice[0]), page_of(place, other[0])
    guest.send(guest.open(first).form(f"/partners/{wheels[1]}/on"))
    clock.move(UNTIL_SENT)

    mails = sweep(place, clock)
    shown = guest.open(second)

    assert len(mails) == 1
    assert refused(place, clock, wheels[1], other[0])
    assert "What went to partners" in guest.open(first).words
    assert "Schilfrad gets something of you: off" in shown.words
    assert "What went to partners" not in shown.words


@pytest.mark.clause("C02")
@pytest.mark.clause("C21")
def test_what_a_partner_got_is_noted_kind_by_kind_and_shown(place, clock, alice, wheels, relay):
    allow(place, clock, alice[1], wheels[1])
    clock.move(UNTIL_SENT)
    sweep(place, clock)
    code = f"partner:{wheels[1]}"
    to = [str(one["To"].addresses[0].addr_spec) for one in relay.took]

    assert to.count("hello@schilfrad.example") == 1
    assert [row for row in noted(place) if row[0] == code] == [
        (code, "partner_name", 1),
        (code, "partner_dates", 1),
    ]
    assert (MAIL_RELAY.code, "mail_partner", 1) in noted(place)


# -- What was agreed to, and nothing else -----------------------------------------------------


@pytest.mark.clause("C21")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": ["name", "dates", "phone"]},
        {"kinds": ["name"]},
        {"texts": {"en": {"why": "To advertise."}}},
        {"email": "other@schilfrad.example"},
        {"way": "paper"},
        {"keeps_days": 8},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_change_is_asked_anew_and_silence_is_no_yes(place, clock, alice, wheels, changes):
    allow(place, clock, alice[1], wheels[1])
    new = change(place, clock, wheels[0], **changes)
    old = allow(place, clock, alice[1], wheels[1])
    page = Visitor(place).open(page_of(place, alice[0]))
    clock.move(UNTIL_SENT)

    assert new != wheels[1]
    assert old is False
    assert "Schilfrad gets something of you: off" in page.words
    assert "gets something of you: on" not in page.words
    assert "because what you had said yes to was changed" in page.words
    assert sweep(place, clock) == []


def test_what_is_the_same_is_not_asked_again(place, clock, alice, wheels):
    allow(place, clock, alice[1], wheels[1])
    same = change(place, clock, wheels[0])

    assert same == wheels[1]
    assert permit(place, clock, wheels[1], alice[0]) == ["name", "dates"]


def test_a_partner_gets_something_and_nothing_unheard_of(place, clock):
    for kinds in ([], ["billing_address"], ["name", "diet"]):
        with pytest.raises(partners.NothingToGet), place.app_context():
            partners.enter(facts(kinds=kinds), now=clock())


# -- In an account ----------------------------------------------------------------------------


@pytest.mark.clause("C21")
def test_the_account_page_has_the_same_switches_and_counts_for_its_stays(
    place, clock, alice, enters
):
    wheels = enter(place, clock, days_before=15)
    account_id = make_guest(place, clock, "alice@kanarie.example")
    guest = enters("guest", "greta@post.example")
    with place.app_context():
        mine = db.session.scalar(sa.select(Account.person_id).filter_by(id=guest.account_id))
        claim = db.session.get(Claim, alice[1])
        assert claim.account_id == account_id
        claim.account_id = guest.account_id
        db.session.commit()
    page = guest.get("/account/permissions")
    forged = guest.client.post(f"/account/permissions/partners/{wheels[1]}/on")
    on = guest.post(f"/account/permissions/partners/{wheels[1]}/on")
    [mail] = sweep(place, clock)
    off = guest.post(f"/account/permissions/partners/{wheels[1]}/off")

    assert "Let Schilfrad get this" in page.text
    assert forged.status_code in (400, 403)
    assert (on.status_code, off.status_code) == (303, 303)
    assert "Kanarienvogel" in mail.get_body(("plain",)).get_content()
    assert refused(place, clock, wheels[1], alice[0])
    with place.app_context():
        assert {row.person_id for row in db.session.scalars(sa.select(PersonPermission))} == {mine}


@pytest.mark.clause("C02")
@pytest.mark.clause("C21")
def test_partners_stand_on_the_public_list_as_such(place, wheels):
    page = Visitor(place).open("/privacy/recipients")

    for said in ("Schilfrad", "your name; the days of your stay", "bicycles stand ready"):
        assert said in page.words


# -- Whatever happens -------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(["give", "take back", "change", "archive", "transfer", "mail"]), max_size=9
)


@pytest.mark.clause("C21")
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS)
def test_whatever_happens_nothing_goes_without_a_yes_that_counts(place, clock, steps):
    for one in (place.extensions["settings"].instance_dir / "mail").glob("*-partner-*.eml"):
        one.unlink()
    clock.set(clock().replace(month=5, day=18))
    with place.app_context():
        found = db.session.scalar(sa.select(Reservation))
        known = (found.id, found.person_id) if found else None
    reservation_id, person_id = known or booked(place, clock, ALICE)
    partner_id, terms_id = enter(place, clock)
    yes, there, went = False, True, 0
    for number, step in enumerate(steps):
        clock.move(timedelta(seconds=5))
        if step == "give":
            yes = allow(place, clock, person_id, terms_id) or yes
        elif step == "take back":
            disallow(place, clock, person_id, terms_id)
            yes = False
        elif step == "change" and there:
            terms_id, yes = change(place, clock, partner_id, keeps_days=number + 10), False
        elif step == "archive" and there:
            with place.app_context():
                partners.archive(partner_id, now=clock())
                db.session.commit()
            there = yes = False
        elif step == "transfer" and yes:
            assert permit(place, clock, terms_id, reservation_id) == ["name", "dates"]
        elif step == "transfer":
            assert refused(place, clock, terms_id, reservation_id)
        elif step == "mail":
            line_up(place, clock)
            now_sent = len(sweep(place, clock))
            assert now_sent == went or yes
            went = now_sent
    if there:
        with place.app_context():
            partners.archive(partner_id, now=clock())
            db.session.commit()
    assert len(sent(place)) == went
