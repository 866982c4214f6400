"""A basket is at its own address, holds what one wishes, and is made firm once (B3, B11)."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.booking.baskets import BASKET_LIFE, MOST_LINES
from app.booking.checks import bookable_until
from app.booking.holds import HOLD_TIME
from app.booking.models import Basket, Night, OfferRow, RateRow, Reservation
from app.booking.reservations import prove
from app.booking.shop import shop
from app.core.database import db
from app.core.sweeps import sweep_every_minute
from tests.house.visitor import EMAIL, NAME, Visitor, address_of


def count(model):
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.mark.clause("C16")
def test_a_wish_sent_twice_is_one_wish(visitor):
    page = visitor.open("/offers/reed-room")
    sheet = page.form("/stay")
    first = visitor.send(sheet, arrive="2031-06-02", depart="2031-06-05")
    key = address_of(first).rpartition("/")[2]
    again = visitor.ask(
        "POST",
        f"{sheet.url}?basket={key}",
        data={**sheet.values, "arrive": "2031-06-02", "depart": "2031-06-05"},
    )

    assert len(visitor.follow(again).soup.select("li.line")) == 1


def test_what_is_taken_out_is_gone_and_taking_it_out_twice_does_no_harm(visitor):
    basket = visitor.choose_stay()
    sheet = basket.form("/remove")

    once, twice = visitor.send(sheet), visitor.send(sheet)

    assert once.status == twice.status == 200
    assert "nothing in it yet" in once.words
    assert not once.soup.select("form[action$=hold]")


def test_a_line_of_another_basket_stays(place):
    mine, other = Visitor(place), Visitor(place)
    basket = mine.choose_stay()
    others = other.choose_stay("lagoon-suite")
    line = others.form("/remove").url.split("/lines/")[1]

    mine.ask("POST", f"{address_of(basket)}/lines/{line.partition('?')[0]}", data={})

    assert len(other.open(others.url).soup.select("li.line")) == 1


def test_a_wrong_address_is_an_empty_basket_and_says_nothing_more(visitor):
    visitor.choose_stay()
    pages = [visitor.open(f"/basket/{key}") for key in ("A" * 24, "x", "é" * 24)]
    held = visitor.ask("POST", f"/basket/{'A' * 24}/hold", data={"quoted": "x"})

    assert [page.status for page in (*pages, held)] == [404] * 4
    assert len({page.words for page in (*pages, held)}) == 1


@pytest.mark.clause("C12")
def test_a_basket_that_nobody_touched_for_two_days_is_gone(place, clock, visitor):
    basket = visitor.choose_stay()
    clock.move(BASKET_LIFE - timedelta(seconds=1))
    assert visitor.open(basket.url).status == 200
    clock.move(timedelta(seconds=1))

    assert visitor.open(basket.url).status == 404
    with place.app_context():
        sweep_every_minute(clock())
        assert count(Basket) == 0


def test_a_basket_takes_no_more_than_anybody_wishes(visitor):
    key = address_of(visitor.choose_stay()).rpartition("/")[2]
    for number in range(MOST_LINES - 1):
        day = (datetime(2031, 7, 1, tzinfo=UTC) + timedelta(days=number)).date()
        visitor.ask(
            "POST",
            f"/offers/reed-room/stay?basket={key}",
            data={"arrive": str(day), "depart": str(day + timedelta(days=2)), "adults": "1"},
        )

    full = visitor.ask(
        "POST",
        f"/offers/reed-room/stay?basket={key}",
        data={"arrive": "2031-09-01", "depart": "2031-09-03", "adults": "1"},
    )

    assert full.status == 409
    assert "basket is full" in full.words
    assert len(visitor.open(f"/basket/{key}").soup.select("li.line")) == MOST_LINES


def test_a_double_click_and_a_second_tab_are_one_hold(place, visitor):
    basket = visitor.choose_stay()
    sheet = basket.form("/hold")

    pages = [visitor.send(sheet) for _ in range(3)]

    assert {page.title for page in pages} == {"Your details"}
    assert len({address_of(page) for page in pages}) == 1
    with place.app_context():
        assert count(Reservation) == 1
        assert db.session.scalars(sa.select(Night.taken)).all() == [1, 1, 1]


@pytest.mark.clause("C16")
def test_what_slow_money_was_sent_for_stays_held_whatever_is_put_into_the_basket(
    place, clock, visitor
):
    basket = visitor.choose_stay()
    key = address_of(basket).rpartition("/")[2]
    at_bank = visitor.send(visitor.tell(visitor.hold(basket)).form())
    visitor.send(at_bank.form("/later"))
    with place.app_context():
        [(reference, status)] = db.session.execute(
            sa.select(Reservation.reference, Reservation.status)
        )

    gone = visitor.open(f"/basket/{key}")
    more = visitor.choose_session(query=f"basket={key}")
    visitor.hold(more)

    with place.app_context():
        found = db.session.scalars(sa.select(Reservation).order_by(Reservation.id)).all()
        assert [one.status for one in found] == ["held", "held"]
        assert (found[0].reference, status) == (reference, "held")
        assert prove(now=clock()) == []
    assert gone.status == 404
    assert len(more.soup.select("li.line")) == 1


@pytest.mark.clause("C14")
@pytest.mark.parametrize("when", ["before the details", "after them", "once it is booked"])
def test_who_else_has_the_address_of_a_basket_learns_nothing_of_who_books_it(
    place, clock, visitor, when
):
    """They may have sent it: in a link whose basket the guest went on with."""
    other = Visitor(place)
    planted = other.choose_stay("lagoon-suite")
    key = address_of(planted).rpartition("/")[2]
    details = visitor.hold(visitor.choose_stay(query=f"basket={key}"))
    if when == "before the details":
        theirs = other.hold(other.open(f"/basket/{key}"))
        assert address_of(theirs) != address_of(details)
        return
    check = visitor.tell(details)
    if when == "once it is booked":
        visitor.pay(check)

    for form in (planted, other.open(f"/basket/{key}")):
        sheet = form.soup.select_one("form[action*='/hold']")
        seen = other.hold(form) if sheet else form

        assert seen.status == (404 if when == "once it is booked" else 409)
        assert not [
            one for one in (NAME, EMAIL, "/checkout/", "/reservations/") if one in seen.text
        ]
    if when == "after them":
        assert visitor.open(check.url).status == 200
        again = visitor.send(visitor.open(f"/basket/{key}").form("/hold"))
        assert "being booked in another window" in again.words


def test_who_closed_the_window_with_their_details_begins_anew(place, clock, visitor):
    basket = visitor.choose_stay()
    before = visitor.tell(visitor.hold(basket))
    refused = visitor.hold(visitor.open(f"/basket/{address_of(basket).rpartition('/')[2]}"))

    details = visitor.send(refused.form("/hold"))

    assert "Begin anew" in refused.words
    assert (details.status, details.title, details.typed_in("name")) == (200, "Your details", "")
    assert address_of(details) not in address_of(before)
    with place.app_context():
        assert db.session.scalars(sa.select(Night.taken)).all() == [1, 1, 1]
        assert prove(now=clock()) == []


def test_a_form_that_is_sent_once_more_after_its_hold_ran_out_holds_anew(place, clock, visitor):
    basket = visitor.choose_stay()
    before = visitor.hold(basket)
    clock.move(HOLD_TIME)

    again = visitor.hold(basket)

    assert again.title == before.title == "Your details"
    assert address_of(again) != address_of(before)


def test_a_basket_that_changed_is_held_anew_and_its_former_places_go_back(place, clock, visitor):
    basket = visitor.choose_stay()
    former = visitor.hold(basket)
    key = address_of(basket).rpartition("/")[2]
    changed = visitor.choose_session(query=f"basket={key}")
    stale = visitor.send(basket.form("/hold"))
    details = visitor.hold(visitor.open(changed.url))

    assert stale.status == 409
    assert "A price has changed" in stale.words
    assert address_of(details) != address_of(former)
    with place.app_context():
        assert db.session.scalars(sa.select(Night.taken)).all() == [1, 1, 1]
        assert prove(now=clock()) == []


def test_a_price_that_changed_is_shown_before_anything_is_held(place, visitor):
    basket = visitor.choose_stay()
    with place.app_context():
        for rate in db.session.scalars(sa.select(RateRow)):
            rate.minor += 100
        db.session.commit()

    refused = visitor.send(basket.form("/hold"))
    held = visitor.send(refused.form("/hold"))

    assert refused.status == 409
    assert "€431.00" in refused.words
    assert "€431.00" in held.words
    with place.app_context():
        assert count(Reservation) == 1


def test_what_somebody_else_took_is_said_beside_the_wish_and_nothing_is_held(place, clock):
    first, second = Visitor(place), Visitor(place)
    mine = second.choose_stay("boathouse")
    key = address_of(mine).rpartition("/")[2]
    mine = second.choose_session(query=f"basket={key}")
    first.hold(first.choose_stay("boathouse"))

    refused = second.hold(mine)

    assert refused.status == 409
    beside = refused.soup.select("li.line .field__error")
    assert ["taken" in tag.get_text() for tag in beside] == [True]
    with place.app_context():
        assert count(Reservation) == 1
        assert prove(now=clock()) == []
    # It waits there until the hold has run out, and then is free with no job having run.
    clock.move(HOLD_TIME)
    assert (
        second.hold(second.open(refused.url.partition("?")[0].removesuffix("/hold"))).title
        == "Your details"
    )


def test_what_is_not_possible_any_more_is_said_and_can_be_taken_out(place, clock, visitor):
    basket = visitor.choose_stay()
    key = address_of(basket).rpartition("/")[2]
    both = visitor.choose_session(query=f"basket={key}")
    clock.set(datetime(2031, 6, 3, 12, tzinfo=UTC))
    with place.app_context():
        db.session.execute(sa.update(Basket).values(changed_at=clock()))
        db.session.commit()

    page = visitor.open(both.url)
    refused = visitor.ask("POST", f"/basket/{key}/hold", data={"quoted": "x"})

    assert "has passed" in page.words
    assert not page.soup.select("form[action*=hold]")
    assert refused.status == 409
    while page.soup.select("li.line"):
        page = visitor.send(page.form("/remove"))
    assert "nothing in it yet" in page.words


def test_an_offer_that_the_owner_took_off_is_said(place, visitor):
    basket = visitor.choose_stay("boathouse")
    with place.app_context():
        offer = db.session.scalars(sa.select(OfferRow).where(OfferRow.slug == "boathouse")).one()
        db.session.delete(offer)
        db.session.commit()

    page = visitor.open(basket.url)

    assert page.status == 200
    assert visitor.open("/offers/boathouse").status == 404


def test_the_last_night_that_can_be_booked_can_be_booked_and_no_later_one(place, clock, visitor):
    with place.app_context():
        until = bookable_until(shop().venue, clock().date())
    first = until - timedelta(days=2)

    good = visitor.choose_stay(arrive=str(first), depart=str(until))
    late = visitor.choose_stay(arrive=str(first), depart=str(until + timedelta(days=1)))

    assert len(good.soup.select("li.line")) == 1
    assert late.status == 409
    assert visitor.hold(good).title == "Your details"
