"""A no outlives a restore: what was taken back since the copy is taken back in it again."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import restrictions
from app.accounts.models import Account
from app.accounts.restrictions import OBJECT, RESTRICT, restrict, restricted
from app.booking import feeds
from app.booking.links import guest_url
from app.booking.models import Feed, OfferRow, Reservation
from app.booking.shop import shop
from app.consent import permissions
from app.consent.deciding import refusal_of
from app.consent.models import PersonPermission
from app.consent.permissions_live import NotPermitted
from app.continuity import backups, controller, drill, restore, serving, upgrade
from app.continuity.models import BOOK, KEYS_BACKUP
from app.core import outbox, withdrawals
from app.core.database import KEYS, db
from app.core.datamap import Purpose
from app.core.outbox import Job
from app.core.sweeps import named
from app.core.withdrawals import MARGIN, Withdrawal, WithdrawalEntry
from app.guestbook import partners, reviews_house
from app.guestbook.models import StayWish
from app.guestbook.reviews_models import PublicReview, Review
from app.guestbook.wishes import Wishes, put_wishes
from app.owner.domain import renew_guest_link
from app.policy.documents import publish_missing
from tests.accounts.ways import make_guest
from tests.consent.answers import decided
from tests.consent.reader import agreed, grants, refuse, rows
from tests.continuity import changing
from tests.continuity.steps import put_by_hand
from tests.continuity.taking_back import WAYS, account_of
from tests.guestbook.partnering import allow, enter, facts, line_up, refusals, sweep
from tests.guestbook.test_partners import UNTIL_SENT, alice, permit, wheels
from tests.guestbook.test_partners import page_of as partners_page
from tests.guestbook.test_reviews import (
    EVERYWHERE,
    agree,
    greta,
    one,
    page_of,
    public,
    publish,
)
from tests.house.ground import furnished, place
from tests.house.visitor import Visitor
from tests.owner.conftest import enters
from tests.privacy.taking import Somebody

__all__ = ["alice", "enters", "furnished", "greta", "place", "wheels"]

HOUR = timedelta(hours=1)


def work(app, clock):
    """Let the worker do what is due."""
    with app.app_context():
        while outbox.run_due(now=clock()):
            pass


@pytest.fixture
def copied(place, clock, newest):
    """Copy the site as it is; what is returned brings that copy back, and returns its report."""

    def copy():
        with place.app_context():
            backups.create(now=clock())
        backup = newest()
        clock.move(HOUR)

        def bring_back():
            work(place, clock)
            clock.move(HOUR)
            with place.app_context():
                return restore.restore(backup, None, now=clock())

        return bring_back

    return copy


@pytest.fixture
def somebody(place, clock):
    """The number of somebody who has said yes to a survey."""
    return say_yes(place, clock, made(place, clock))


def made(app, clock, email="alma@post.example"):
    account_id = make_guest(app, clock, email)
    with app.app_context():
        return db.session.get_one(Account, account_id).person_id


def say_yes(app, clock, person_id):
    with app.app_context():
        permissions.give(person_id, Purpose.SURVEY, how=permissions.ACCOUNT, now=clock())
        db.session.commit()
    return person_id


def say_no(app, clock, person_id):
    with app.app_context():
        permissions.take_back([person_id], Purpose.SURVEY, now=clock())
        db.session.commit()


def says_yes(app, person_id):
    with app.app_context():
        return bool(permissions.permitted([person_id], Purpose.SURVEY))


def ledger(app):
    """Return the ids that the ledger has, and those that the book has."""
    with app.app_context():
        with db.engines[KEYS].connect() as keys:
            entered = set(keys.scalars(sa.select(WithdrawalEntry.id)))
        return entered, set(db.session.scalars(sa.select(Withdrawal.id)))


def refused(app):
    found = serving.check(app)
    return found.code if found else None


# -- What is taken back, on the pages where that is done --------------------------------------


@pytest.mark.clause("C23")
@pytest.mark.both_databases
def test_a_review_that_was_taken_back_is_not_public_in_a_restored_book(place, clock, greta, copied):
    visitor, _ = agree(place, greta[0])
    publish(place, clock)
    bring_back = copied()
    visitor.send(visitor.open(page_of(place, greta[0])).form("/withdraw"))

    report = bring_back()

    assert report.withdrawals == 1
    assert public(place) == set()
    assert visitor.open(f"/reviews/{one(place).key}").status == 410
    assert "Not shown. You took it back." in visitor.open(page_of(place, greta[0])).words
    with place.app_context():
        assert db.session.scalar(sa.select(PublicReview)) is None


@pytest.mark.clause("C23")
def test_a_review_that_still_is_agreed_to_is_shown_again(place, clock, greta, copied):
    agree(place, greta[0])
    publish(place, clock)

    report = copied()()

    assert report.withdrawals == 0
    assert public(place) == EVERYWHERE


@pytest.mark.clause("C23")
def test_a_review_that_the_house_declined_is_not_shown_again_unless_it_thought_better(
    place, clock, greta, copied
):
    agree(place, greta[0])
    publish(place, clock)
    bring_back = copied()
    with place.app_context():
        reviews_house.decline(one(place).id, "others", now=clock())
        db.session.commit()

    bring_back()
    declined = one(place)
    hidden = public(place)
    publish(place, clock.move(HOUR) and clock)
    bring_back()

    assert (declined.state, declined.because, hidden) == ("declined", "others", set())
    assert public(place) == EVERYWHERE


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_what_a_partner_is_not_allowed_any_more_does_not_go_from_a_restored_book(
    place, clock, alice, wheels, copied
):
    guest = Visitor(place)
    page = guest.open(partners_page(place, alice[0]))
    guest.send(page.form(f"/partners/{wheels[1]}/on"))
    clock.move(UNTIL_SENT)
    line_up(place, clock)  # it waits to be sent, in the copy too
    bring_back = copied()
    guest.send(guest.open(partners_page(place, alice[0])).form(f"/partners/{wheels[1]}/off"))

    bring_back()

    with pytest.raises(NotPermitted):
        permit(place, clock, wheels[1], alice[0])
    assert refusals(place) == [(wheels[0], {})]
    assert sweep(place, clock) == []
    after = guest.open(partners_page(place, alice[0]))
    assert "Schilfrad gets something of you: off" in after.words


@pytest.mark.clause("C21")
def test_a_partner_that_was_archived_or_changed_since_gets_nothing_from_a_restored_book(
    place, clock, alice, wheels, copied
):
    other = enter(place, clock, name="Fährmann")
    allow(place, clock, alice[1], wheels[1])
    allow(place, clock, alice[1], other[1])
    bring_back = copied()
    with place.app_context():
        partners.archive(wheels[0], now=clock())
        partners.change(other[0], facts(name="Fährmann", keeps_days=99), now=clock())
        db.session.commit()

    bring_back()

    with place.app_context():
        assert partners.live_terms() == []
        assert partners.allowed_by([alice[1]]) == set()


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_what_was_noted_under_a_choice_that_ended_is_gone_from_a_restored_book(
    place, clock, copied
):
    visitor, other = agreed(place), agreed(place)
    for client in (visitor, other):
        client.get("/search")
    bring_back = copied()
    before = (len(rows(place)), grants(place))
    kept = visitor.get_cookie("statistics", domain="localhost").value
    refuse(visitor)

    bring_back()
    still = (len(rows(place)), grants(place))
    visitor.set_cookie("statistics", kept, domain="localhost")  # a browser that forgot nothing
    visitor.get("/search")

    assert before == (2, 4)
    assert still == (len(rows(place)), grants(place)) == (1, 2)


@pytest.mark.clause("C10")
def test_a_signal_counts_for_an_account_in_a_restored_book_unless_it_was_overruled(
    place, clock, copied
):
    persons = [made(place, clock, f"{name}@post.example") for name in ("alma", "bert")]
    bring_back = copied()
    with place.app_context():
        numbers = [account_of(person_id).id for person_id in persons]
        for number, person_id in zip(numbers, persons, strict=True):
            who = {"account_id": number, "person_id": person_id}
            decided(clock(), how="signal", signal="Sec-GPC", statistics=False, **who)
        decided(clock.move(HOUR), signal="Sec-GPC", statistics=True, **who)

    bring_back()

    with place.app_context():
        found = [refusal_of(number) for number in numbers]
    assert [one and one.signal for one in found] == ["Sec-GPC", None]


@pytest.mark.clause("C22")
@pytest.mark.both_databases(usually="sqlite")
def test_a_calendars_address_that_was_ended_opens_nothing_in_a_restored_book(
    place, clock, client, copied, enters
):
    with place.app_context():
        numbers, addresses = [], []
        for offer in db.session.scalars(sa.select(OfferRow.id).limit(3)):
            found, token = feeds.make("Else", offer, None, address="", out=True, now=clock())
            numbers.append(found.id)
            addresses.append(f"/feeds/{token}.ics")
        db.session.commit()
    bring_back, owner = copied(), enters("owner")
    ended = [
        owner.post(f"/owner/feeds/{number}/{how}")
        for number, how in zip(numbers, ("revoke", "give"), strict=False)
    ]

    bring_back()

    assert {answer.status_code for answer in ended} <= {200, 303}
    assert [client.get(address).status_code for address in addresses] == [404, 404, 200]


@pytest.mark.clause("C22")
def test_a_guests_link_that_was_renewed_twice_is_the_latest_one_in_a_restored_book(
    place, clock, alice, copied
):
    links, guest = [partners_page(place, alice[0])], Visitor(place)
    bring_back = copied()
    for _ in range(2):
        with place.app_context():
            renew_guest_link(alice[0], now=clock())
            db.session.commit()
        links.append(partners_page(place, alice[0]))

    bring_back()

    assert [guest.open(link).status for link in links] == [404, 404, 200]
    with place.test_request_context():
        assert guest_url(db.session.get(Reservation, alice[0])) == links[-1]


def test_what_somebody_eats_is_forgotten_in_a_restored_book_where_that_was_taken_back(
    place, clock, alice, copied
):
    def wish(**said):
        with place.app_context():
            reservation = db.session.get(Reservation, alice[0])
            zone = shop().venue.zone
            put_wishes(reservation, Wishes(**said), agreed=True, zone=zone, now=clock())
            db.session.commit()

    wish(diet="no nuts", words="A cot")
    bring_back = copied()
    wish(words="A cot")

    bring_back()

    with place.app_context():
        kept = db.session.scalar(sa.select(StayWish))
        assert (kept.diet, kept.words) == (None, "A cot")


@pytest.mark.clause("C24")
def test_who_said_no_to_being_handed_over_still_does_in_a_restored_book(place, clock, copied):
    owner = changing.enter(place, clock, changing.owner_of(place, clock))
    guests = [changing.guest(place, clock, name, account=True) for name in ("Ada Nein", "Bo Doch")]
    changing.plan(owner, way="site")
    changing.announce(owner)
    work(place, clock)
    with place.app_context():
        persons = [[changing.person_of(one)] for one in guests]
    bring_back = copied()
    with place.app_context():
        for one_person in persons:
            controller.object_to(one_person, now=clock())
        db.session.commit()
        controller.take_back(persons[1], now=clock.move(HOUR))
        db.session.commit()

    bring_back()

    with place.app_context():
        change = controller.live()
        standing = [bool(controller.objections(change, one_person)) for one_person in persons]
    assert standing == [True, False]


@pytest.mark.parametrize("what", WAYS)
def test_whatever_is_taken_back_stays_so_in_a_restored_book(place, clock, copied, what):
    take_back, is_there = WAYS[what]
    given = {
        "person_permission.purpose": "survey",
        "consent_grant.category": "suggestions" if "looked" in what else "statistics",
        "account.role": "staff",
    }
    with place.app_context():
        person_id = Somebody("alma", now=clock(), given=given).person_id
        db.session.commit()
    bring_back = copied()
    with place.app_context():
        before = is_there(person_id)
        take_back(person_id, clock())
        db.session.commit()
        then = is_there(person_id)

    report = bring_back()

    with place.app_context():
        assert (before, then, is_there(person_id)) == (True, False, False)
    assert report.withdrawals > 0
    assert refused(place) is None


def test_for_everything_that_can_be_taken_back_there_is_a_way_to_do_so_again(app):
    assert set(withdrawals._carry_out) == set(withdrawals.KINDS)


# -- A no and its end -------------------------------------------------------------------------


@pytest.mark.clause("C26")
@pytest.mark.both_databases
def test_a_restriction_stands_in_a_restored_book_and_one_that_was_lifted_does_not(
    place, clock, somebody, copied
):
    bring_back = copied()
    with place.app_context():
        for kind, purpose in ((RESTRICT, Purpose.RESERVATION), (OBJECT, Purpose.STATISTICS)):
            restrict([somebody], purpose, kind, now=clock())
        db.session.commit()
        restrictions.lift([somebody], Purpose.STATISTICS, OBJECT, now=clock.move(HOUR))
        db.session.commit()

    bring_back()

    with place.app_context():
        assert restricted([somebody], Purpose.RESERVATION) == {somebody}
        assert restricted([somebody], Purpose.STATISTICS) == set()


def test_a_no_in_the_copy_that_was_lifted_since_is_a_no_again(place, clock, somebody, copied):
    with place.app_context():
        restrict([somebody], Purpose.STATISTICS, OBJECT, now=clock())
        db.session.commit()
    bring_back = copied()
    with place.app_context():
        restrictions.lift([somebody], Purpose.STATISTICS, OBJECT, now=clock())
        db.session.commit()

    bring_back()

    with place.app_context():
        assert restricted([somebody], Purpose.STATISTICS) == {somebody}


def test_a_yes_that_was_given_anew_since_is_not_there_and_has_to_be_given_again(
    place, clock, somebody, copied
):
    bring_back = copied()
    say_no(place, clock, somebody)
    clock.move(HOUR)
    say_yes(place, clock, somebody)

    bring_back()

    assert not says_yes(place, somebody)


# -- The ledger -------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_crash_between_the_book_and_the_ledger_is_made_good(
    place, clock, somebody, copied, monkeypatch
):
    bring_back = copied()
    say_no(place, clock, somebody)
    noted = ledger(place)
    with monkeypatch.context() as broken:
        broken.setattr(withdrawals, "_enter", lambda _entries: 1 / 0)
        work(place, clock)  # before the ledger
    before = ledger(place)
    clock.move(HOUR)
    with place.app_context():
        withdrawals.enter({}, clock())
        db.session.rollback()  # after the ledger, before the book knows
    between = ledger(place)
    clock.move(HOUR)
    work(place, clock)
    entered = ledger(place)

    bring_back()

    assert noted == before == (set(), noted[1])
    assert len(noted[1]) == 1
    assert between == entered == (noted[1], noted[1])
    assert not says_yes(place, somebody)
    with place.app_context():
        assert db.session.scalar(sa.select(Withdrawal.entered_at)) is not None
        jobs = sa.select(Job.id).where(Job.topic == withdrawals.TOPIC, Job.done_at.is_(None))
        assert db.session.scalar(jobs) is None


def test_taking_back_waits_for_no_other_database(place, clock, somebody, settings):
    with closing(sqlite3.connect(settings.instance_dir / "keys.db")) as keys:
        keys.execute("BEGIN EXCLUSIVE")

        say_no(place, clock, somebody)

        assert not says_yes(place, somebody)
        keys.rollback()
    work(place, clock)
    assert len(ledger(place)[0]) == 1


@pytest.mark.both_databases
def test_replayed_twice_and_restored_twice_it_is_the_same(place, clock, somebody, copied):
    bring_back = copied()
    say_no(place, clock, somebody)
    first = bring_back()
    with place.app_context():
        once = db.session.scalars(sa.select(PersonPermission)).one()
        again = restore.finish(now=clock())
        twice = db.session.scalars(sa.select(PersonPermission)).one()
    second = bring_back()

    assert (first.withdrawals, again.withdrawals, second.withdrawals) == (1, 0, 1)
    assert (once.ended_at, once.given_at) == (twice.ended_at, twice.given_at)
    assert not says_yes(place, somebody)
    assert ledger(place)[0] == ledger(place)[1]


@pytest.mark.both_databases
def test_numbers_that_are_given_out_again_after_a_restore_do_no_harm(place, clock, copied):
    anna = made(place, clock)
    bring_back = copied()
    say_yes(place, clock, anna)
    with place.app_context():
        number = db.session.scalar(sa.select(PersonPermission.id))
    clock.move(HOUR)
    say_no(place, clock, anna)
    bring_back()
    bert = say_yes(place, clock, made(place, clock, "bert@post.example"))
    say_yes(place, clock, anna)  # once more, and of her own will
    with place.app_context():
        same = db.session.scalar(sa.select(PersonPermission.id).order_by(PersonPermission.id))
        # Even where the book forgot what was carried out in it.
        db.session.execute(sa.delete(Withdrawal))
        db.session.commit()
        report = restore.finish(now=clock())

    assert number == same
    assert report.withdrawals == 1
    assert says_yes(place, bert)
    assert says_yes(place, anna)


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_book_that_was_put_back_by_hand_is_not_served_until_it_is_taken_back(
    place, clock, somebody, settings, newest, tmp_path
):
    with place.app_context():
        backups.create(now=clock())
    clock.move(HOUR)
    say_no(place, clock, somebody)
    work(place, clock)
    allowed = refused(place)
    with place.app_context():
        put_by_hand(newest(), BOOK, settings, tmp_path)

    closed = refused(place)
    page = place.test_client().get("/readyz")
    with place.app_context():
        restore.finish(now=clock())

    assert (allowed, closed) == (None, serving.ALLOWED_AGAIN)
    assert page.status_code == 503
    assert "older than the ledger of what was taken back (1 to replay)" in page.text
    assert refused(place) is None
    assert not says_yes(place, somebody)


@pytest.mark.both_databases(usually="sqlite")
def test_a_keys_database_that_was_put_back_learns_from_the_book_what_was_taken_back(
    place, clock, somebody, copied, settings, newest, tmp_path
):
    bring_back = copied()
    say_no(place, clock, somebody)
    work(place, clock)
    with place.app_context():
        put_by_hand(newest(KEYS_BACKUP), KEYS_BACKUP, settings, tmp_path)
    lost = ledger(place)[0]
    with place.app_context():
        restore.finish(now=clock())

    bring_back()

    assert lost == set()
    assert not says_yes(place, somebody)


def test_going_back_to_before_an_upgrade_does_not_bring_back_what_was_taken_back(
    place, clock, somebody
):
    with place.app_context():
        upgrade.upgrade(lambda: publish_missing(now=clock()), now=clock())
    clock.move(HOUR)
    say_no(place, clock, somebody)
    work(place, clock)
    with place.app_context():
        upgrade.rollback(now=clock.move(HOUR))

    assert not says_yes(place, somebody)


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_an_entry_goes_once_no_backup_from_before_it_is_left(place, clock, somebody, settings):
    say_no(place, clock, somebody)
    work(place, clock)
    kept, sweep_it = timedelta(days=settings.backup_days) + MARGIN, named("withdrawals")
    clock.move(kept - timedelta(seconds=1))
    with place.app_context():
        sweep_it.carry_out(clock())
    there = ledger(place)
    clock.move(timedelta(seconds=1))
    with place.app_context():
        sweep_it.carry_out(clock())

    assert [len(ids) for ids in there] == [1, 1]
    assert ledger(place) == (set(), set())
    assert refused(place) is None


def test_an_entry_says_nothing_of_whom_it_is(place, clock, somebody):
    say_no(place, clock, somebody)
    work(place, clock)

    with place.app_context(), db.engines[KEYS].connect() as keys:
        [entry] = keys.execute(sa.select(WithdrawalEntry.__table__)).mappings()
    said = " ".join(map(str, entry.values()))
    assert somebody not in said
    assert "survey" not in said
    assert entry["kind"] == "permission"


@pytest.mark.clause("C11")
@pytest.mark.clause("C12")
def test_the_public_pages_say_how_long_it_is_known_that_there_was_a_no(place, settings):
    visitor, days = Visitor(place), settings.backup_days + MARGIN.days

    for path in ("/privacy/retention", "/privacy/storage"):
        assert f"{days} days: longer than copies of the books are kept" in visitor.open(path).words


@pytest.mark.clause("C21")
def test_the_drill_is_red_when_what_was_taken_back_is_not_carried_out(place, clock, monkeypatch):
    monkeypatch.setitem(withdrawals._carry_out, withdrawals.PERMISSION, lambda _wanted: None)
    with place.app_context():
        run = drill.drill(now=clock())

        assert not run.passed
        assert run.checks["taken_back"] is True
        assert run.checks["still_a_no"] == "it is allowed again"


def test_feeds_and_reviews_of_others_stay_as_they_were(place, clock, greta, copied, somebody):
    agree(place, greta[0])
    publish(place, clock)
    with place.app_context():
        offer = db.session.scalar(sa.select(OfferRow.id))
        _, token = feeds.make("Else", offer, None, address="", out=True, now=clock())
        db.session.commit()
    bring_back = copied()
    say_no(place, clock, somebody)

    bring_back()

    assert public(place) == EVERYWHERE
    assert Visitor(place).open(f"/feeds/{token}.ics").status == 200
    with place.app_context():
        assert db.session.scalar(sa.select(Feed.token_digest)) is not None
        assert db.session.scalar(sa.select(Review.state)) == "shown"
