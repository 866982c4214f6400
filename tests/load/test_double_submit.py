"""Whoever presses twice, or eight times at once, does it once, and is led on all the same."""

from urllib.parse import urlsplit

import pytest

from tests.load.books import Books
from tests.load.crowd import press_at_once
from tests.load.guests import DETAILS, Answer, Form, Guest

PRESSES = 8

pytestmark = [pytest.mark.clause("C16")]


def _press_together(guest: Guest, form: Form, times: int = PRESSES) -> set[tuple[int, str]]:
    """Send a form so often at one moment; return the different answers."""
    said = press_at_once(guest.server, [(form.path, form.fields)] * times)
    return {(answer.status, answer.location) for answer in said}


def _basket(guest: Guest, books: Books, *, days_ahead: int) -> Answer:
    """A basket with the boathouse and a seat on the tour."""
    stay = guest.choose_nights("boathouse", *books.nights(days_ahead, 2))
    key = urlsplit(stay.path).path.rpartition("/")[2]
    starts_at = books.start_of_session("kayak-tour", days_ahead)
    return guest.choose_session("kayak-tour", starts_at, adults=1, basket=key)


def _reference(location: str) -> str:
    return urlsplit(location).path.split("/")[2].partition("-")[0]


@pytest.mark.both_databases(usually="postgresql")
def test_a_basket_that_is_held_eight_times_at_once_is_held_once(guest: Guest, books: Books) -> None:
    """Nobody is told that someone else has just taken what they hold themselves."""
    basket = _basket(guest, books, days_ahead=40)

    answers = _press_together(guest, basket.form("/hold"))

    ((status, location),) = answers
    assert status == 303
    assert location.startswith("/checkout/")
    assert books.statuses() == {"held": 1}
    books.assert_in_order()


@pytest.mark.both_databases(usually="sqlite")
def test_a_basket_that_was_changed_after_its_hold_is_held_once_again(
    guest: Guest, books: Books
) -> None:
    """The former hold gives way to the new one, once, however often the button is pressed."""
    stay = guest.choose_nights("boathouse", *books.nights(40, 2))
    former = guest.hold(stay)
    key = urlsplit(stay.path).path.rpartition("/")[2]
    starts_at = books.start_of_session("kayak-tour", 40)
    changed = guest.choose_session("kayak-tour", starts_at, adults=1, basket=key)

    answers = _press_together(guest, changed.form("/hold"))

    ((status, location),) = answers
    assert status == 303
    assert _reference(location) != _reference(former.location)
    assert books.status(_reference(former.location)) == "released"
    assert books.status(_reference(location)) == "held"
    books.assert_in_order()


@pytest.mark.both_databases(usually="postgresql")
def test_details_sent_twice_make_one_person(guest: Guest, books: Books) -> None:
    """Both answers lead to payment; there is one person, with one key."""
    checkout = guest.follow(guest.hold(_basket(guest, books, days_ahead=40)))
    form = checkout.form(urlsplit(checkout.path).path)
    filled_in = Form(form.path, {**form.fields, **DETAILS})

    answers = _press_together(guest, filled_in, times=2)

    ((status, location),) = answers
    assert status == 303
    assert urlsplit(location).path.endswith("/pay")
    assert books.persons() == 1
    books.assert_in_order()


@pytest.mark.both_databases(usually="sqlite")
def test_a_payment_that_is_begun_eight_times_at_once_is_one_payment(
    guest: Guest, books: Books
) -> None:
    """All are led to the same page of the bank, and paying there confirms."""
    held = guest.hold(_basket(guest, books, days_ahead=40))
    check_page = guest.follow(guest.give_details(guest.follow(held)))

    answers = _press_together(guest, check_page.form("/pay"))

    ((status, location),) = answers
    assert status == 303
    assert books.attempts(_reference(held.location)) == ["pending"]
    bank_page = guest.get(location)
    assert "You are expected" in guest.follow(guest.at_bank(bank_page)).words
    assert [kind for kind, _ in books.ledger(_reference(held.location))] == ["capture"]
    books.assert_in_order()


@pytest.mark.both_databases(usually="postgresql")
def test_paying_and_coming_back_eight_times_at_once_confirms_once(
    guest: Guest, books: Books
) -> None:
    """One capture, one confirmation mail; every answer leads back to the shop."""
    held = guest.hold(_basket(guest, books, days_ahead=40))
    check_page = guest.follow(guest.give_details(guest.follow(held)))
    bank_page = guest.follow(guest.go_to_bank(check_page))

    answers = _press_together(guest, bank_page.form("/pay"))

    ((status, location),) = answers
    assert status == 303
    assert "You are expected" in guest.follow(guest.get(location)).words
    reference = _reference(held.location)
    assert [kind for kind, _ in books.ledger(reference)] == ["capture"]
    assert books.mail_jobs(reference) == ["confirmed"]
    books.assert_in_order()


@pytest.mark.both_databases(usually="sqlite")
def test_a_reservation_that_is_cancelled_eight_times_at_once_is_refunded_once(
    guest: Guest, books: Books
) -> None:
    """The places come back once, and the money once."""
    held = guest.hold(_basket(guest, books, days_ahead=40))
    page = guest.pay(held)
    form = page.form("/cancel")

    said = press_at_once(guest.server, [(form.path, form.fields)] * PRESSES)

    assert {answer.status for answer in said} <= {303, 409}
    assert [answer.status for answer in said].count(303) == 1
    reference = _reference(held.location)
    assert books.status(reference) == "cancelled"
    assert books.refunds(reference) == [("cancelled", "requested")]
    assert books.mail_jobs(reference) == ["cancelled", "confirmed"]
    assert books.live_stays("boathouse") == []
    books.assert_in_order()
