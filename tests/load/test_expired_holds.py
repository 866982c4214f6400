"""A hold that ran out gives way with no worker running; money that comes too late is never lost."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from app.booking.holds import HOLD_TIME
from tests.load.books import Books
from tests.load.guests import Answer, Guest
from tests.load.live import PreloadedServer, Sweeper

MINUTE = timedelta(minutes=1)
# The demo bank's page stays open for so long.
BANK_TIME = timedelta(minutes=30)

pytestmark = [pytest.mark.clause("C16")]


@pytest.fixture
def guest(serve: Callable[..., PreloadedServer]) -> Guest:
    """Somebody who visits the place, whose clock is in the test's hands."""
    return Guest(serve(workers=2, mortal=True))


@pytest.fixture
def first(guest: Guest, books: Books) -> Answer:
    """The first buyer's basket: two nights in the boathouse, of which there is one."""
    return guest.choose_nights("boathouse", *books.nights(60, 2))


@pytest.fixture
def second(guest: Guest, books: Books) -> Answer:
    """The second buyer's basket: a night more, from the same day on."""
    return guest.choose_nights("boathouse", *books.nights(60, 3))


def _reference(held: Answer) -> str:
    return urlsplit(held.location).path.split("/")[2].partition("-")[0]


def _to_bank(guest: Guest, held: Answer) -> Answer:
    check_page = guest.follow(guest.give_details(guest.follow(held)))
    return guest.follow(guest.go_to_bank(check_page))


@pytest.mark.both_databases(usually="sqlite")
def test_a_hold_that_ran_out_gives_way_to_the_next_buyer_by_itself(
    guest: Guest, books: Books, first: Answer, second: Answer
) -> None:
    """Refused a second before its end, sold a second after it, and no worker ran."""
    held = guest.hold(first)
    assert held.status == 303
    books.clock.move(HOLD_TIME - timedelta(seconds=1))
    assert guest.hold(second).status == 409

    books.clock.move(timedelta(seconds=2))
    sold = guest.hold(second)

    assert sold.status == 303
    assert books.status(_reference(held)) == "released"
    assert books.status(_reference(sold)) == "held"
    late = guest.get(held.location)
    assert late.status == 409
    assert "The time has run out" in late.words
    again = guest.post(late.form("/again").path, {})
    assert again.status == 409
    assert "someone else has booked those places since" in again.words
    books.assert_in_order()


@pytest.mark.both_databases(usually="postgresql")
def test_a_hold_that_ran_out_is_held_again_for_its_visitor_if_nobody_came(
    guest: Guest, books: Books, first: Answer, second: Answer
) -> None:
    """The button on the page that tells of it is enough."""
    held = guest.hold(first)
    books.clock.move(HOLD_TIME + MINUTE)

    again = guest.post(guest.get(held.location).form("/again").path, {})

    assert again.status == 303
    assert guest.hold(second).status == 409
    assert "You are expected" in guest.pay(again).words
    books.assert_in_order()


@pytest.mark.both_databases(usually="sqlite")
def test_who_paid_in_time_but_comes_back_late_is_expected_if_nobody_came(
    guest: Guest, books: Books, sweeper: Sweeper, first: Answer, second: Answer
) -> None:
    """The places are taken again for money that is here."""
    held = guest.hold(first)
    bank_page = _to_bank(guest, held)
    books.clock.move(BANK_TIME - MINUTE)
    guest.at_bank(bank_page, "/pay-and-stay")
    books.clock.move(HOLD_TIME)

    page = guest.follow(guest.get(urlsplit(held.location).path + "/return"))

    assert "You are expected" in page.words
    assert guest.hold(second).status == 409
    sweeper.sweep_until_done(books)
    assert books.refunds(_reference(held)) == []
    assert books.letters(_reference(held)) == ["confirmed"]
    books.assert_in_order()


@pytest.mark.both_databases(usually="postgresql")
def test_who_paid_in_time_but_comes_back_after_the_next_buyer_gets_all_of_it_back(
    guest: Guest, books: Books, sweeper: Sweeper, first: Answer, second: Answer
) -> None:
    """The next buyer keeps the places; the money goes back once, with a letter that says sorry."""
    held = guest.hold(first)
    bank_page = _to_bank(guest, held)
    books.clock.move(BANK_TIME - MINUTE)
    guest.at_bank(bank_page, "/pay-and-stay")
    books.clock.move(HOLD_TIME)
    sold = guest.hold(second)
    assert sold.status == 303

    page = guest.follow(guest.get(urlsplit(held.location).path + "/return"))

    assert "Your payment came too late, and is on its way back" in page.words
    assert "You are expected" in guest.pay(sold).words
    sweeper.sweep_until_done(books)
    _assert_all_came_back(books, _reference(held))


@pytest.mark.both_databases(usually="sqlite")
def test_slow_money_that_arrives_after_the_next_buyer_goes_back(
    guest: Guest, books: Books, sweeper: Sweeper, first: Answer, second: Answer
) -> None:
    """A transfer may take three days, in which the places are kept; then they are sold."""
    held = guest.hold(first)
    page = guest.follow(guest.at_bank(_to_bank(guest, held), "/later"))
    assert "Your payment is on its way" in page.words
    books.clock.move(timedelta(days=2, hours=23))
    assert guest.get(second.path).status == 404  # a basket lives for two days
    second = guest.choose_nights("boathouse", *books.nights(57, 3))
    assert guest.hold(second).status == 409
    books.clock.move(timedelta(hours=2))
    sold = guest.hold(second)
    assert sold.status == 303

    sweeper.sweep_until_done(books)

    assert books.status(_reference(sold)) == "held"
    _assert_all_came_back(books, _reference(held), before=["payment_processing"])


def _assert_all_came_back(books: Books, reference: str, before: list[str] | None = None) -> None:
    """Fail unless the money went back once, and a letter told so."""
    assert books.status(reference) == "released"
    (_, captured), (_, refunded) = books.ledger(reference)
    assert captured > 0
    assert refunded == -captured
    assert books.refunds(reference) == [("late", "succeeded")]
    assert books.bank_refunds(reference) == 1
    assert books.letters(reference) == sorted([*(before or []), "payment_late_refunded"])
    books.assert_in_order()
