"""A no outlives a restore: what was taken back since the copy is taken back in it again."""

import pytest
import sqlalchemy as sa

from app.accounts import restrictions
from app.accounts.restrictions import OBJECT, RESTRICT, restrict, restricted
from app.booking import feeds
from app.booking.links import guest_url
from app.booking.models import OfferRow, Reservation
from app.booking.shop import shop
from app.consent.deciding import refusal_of
from app.consent.permissions_live import NotPermitted
from app.continuity import controller
from app.core import withdrawals
from app.core.database import db
from app.core.datamap import Purpose
from app.guestbook import partners, reviews_house
from app.guestbook.models import StayWish
from app.guestbook.partners_models import Partner
from app.guestbook.reviews_models import PublicReview
from app.guestbook.wishes import Wishes, put_wishes
from app.owner.domain import renew_guest_link
from tests.consent.answers import decided
from tests.consent.reader import agreed, grants, refuse, rows
from tests.continuity import changing
from tests.continuity.taking_back import (
    HOUR,
    WAYS,
    account_of,
    copied,
    made,
    refused,
    say_no,
    say_yes,
    says_yes,
    somebody,
    work,
)
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

__all__ = ["alice", "copied", "enters", "furnished", "greta", "place", "somebody", "wheels"]


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
        assert all(db.session.scalars(sa.select(Partner.archived_at)))
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
