"""A server that dies between any two steps loses nothing and does nothing twice.

The process that answers is killed (`kill -9`) before each statement, before and after each
commit, and before its answer is sent: at the first step in one journey, at the next in
the next, to the last. The guest does what people do: reloads, or presses again. The worker
dies in the same way, and is started again.
"""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.load.books import Books
from tests.load.guests import Answer, Guest
from tests.load.live import PreloadedServer, Sweeper

# What the guest sends, by method and path.
REQUESTS = {
    "hold": ("POST", r"/basket/[^/]+/hold"),
    "details": ("POST", r"/checkout/[^/]+"),
    "pay": ("POST", r"/checkout/[^/]+/pay"),
    "bank": ("POST", r"/demo-bank/[^/]+/pay"),
    "return": ("GET", r"/checkout/[^/]+/return"),
    "cancel": ("POST", r"/reservations/[^/]+/cancel"),
}
# When the worker does what they leave to it: mails, the bank's notice, the refund.
WORKS = ("after booking", "after cancelling")
MOST_STEPS = 150
# Usually at every fifth step, on one of the databases; with bin/test --all at each, on both.
STRIDES = [5, pytest.param(1, marks=pytest.mark.slow)]

pytestmark = [pytest.mark.clause("C16"), pytest.mark.clause("C17")]


class Deaths:
    """Who has still to die, and at which steps they have."""

    def __init__(self, guest: Guest, sweeper: Sweeper, whose: Collection[str]) -> None:
        """Let requests of `guest`, or rounds of the worker, end in the deaths of `whose`."""
        self.guest = guest
        self.sweeper = sweeper
        self.left = set(whose)
        self.died: dict[str, list[str]] = {what: [] for what in whose}

    def may_come(self, what: str, at: int, act: Callable[[], Answer]) -> Answer:
        """Do a request, whose process dies at that step if there is such a step."""
        if what not in self.left:
            return act()
        self.guest.server.doom(*REQUESTS[what], at)
        lines_broken = self.guest.broken
        answer = act()
        outcome = self.guest.server.outcome()
        assert ("died" in outcome) == (self.guest.broken > lines_broken)
        self._note(what, at, outcome)
        return answer

    def may_come_at_work(self, what: str, at: int) -> None:
        """Let the worker do a round, and die at that step of it."""
        if what in self.left:
            self._note(what, at, self.sweeper.sweep(at))

    def _note(self, what: str, at: int, outcome: dict[str, Any]) -> None:
        if "died" in outcome:
            self.died[what].append(outcome["died"])
        else:
            assert outcome["survived"] < at
            self.left.remove(what)


@pytest.fixture
def guest(serve: Callable[..., PreloadedServer]) -> Guest:
    """Somebody whose server may die, and is there again."""
    return Guest(serve(workers=3, mortal=True))


@pytest.mark.both_databases(usually="postgresql")
@pytest.mark.parametrize("stride", STRIDES)
def test_whatever_step_a_request_dies_at_the_journey_ends_well(
    guest: Guest, sweeper: Sweeper, books: Books, stride: int
) -> None:
    """One hold, one person with a key, one capture, one confirmation, one refund: each time."""
    deaths = Deaths(guest, sweeper, REQUESTS)

    _travel_until_all_have_died(deaths, books, stride)

    assert all(deaths.died.values())
    if stride == 1:
        assert all(steps[-1] == "before the answer" for steps in deaths.died.values())
        assert deaths.died["pay"].count("after COMMIT") == 3  # the row, the bank's, the address


@pytest.mark.both_databases(usually="sqlite")
@pytest.mark.parametrize("stride", STRIDES)
def test_whatever_step_the_worker_dies_at_its_work_is_done_once(
    guest: Guest, sweeper: Sweeper, books: Books, stride: int
) -> None:
    """One confirmation mail, one refund, one notice heard: whoever is started next goes on."""
    deaths = Deaths(guest, sweeper, WORKS)

    _travel_until_all_have_died(deaths, books, stride)

    assert all(steps.count("after COMMIT") > 3 // stride for steps in deaths.died.values())


def _travel_until_all_have_died(deaths: Deaths, books: Books, stride: int) -> None:
    # Each begins a minute after a full ten, in which the worker would look at all there ever
    # was; and all on one day, so that each books the same nights.
    start = books.clock().replace(hour=1, minute=1) + timedelta(days=1)
    for at in range(1, MOST_STEPS, stride):
        books.clock.set(start + at * timedelta(minutes=10))
        _journey(deaths, books, at)
        if not deaths.left:
            return
    raise AssertionError(f"without an end: {deaths.left}")


def _journey(deaths: Deaths, books: Books, at: int) -> None:
    """Book the boathouse and a seat, pay, cancel: with a death in each request, or each round."""
    guest = deaths.guest
    stay = guest.choose_nights("boathouse", *books.nights(60, 2))
    key = urlsplit(stay.path).path.rpartition("/")[2]
    starts_at = books.start_of_session("kayak-tour", 60)
    basket = guest.choose_session("kayak-tour", starts_at, adults=1, basket=key)

    held = deaths.may_come("hold", at, lambda: guest.hold(basket))
    assert held.status == 303, held.words
    assert books.live_count() == 1
    reference = urlsplit(held.location).path.split("/")[2].partition("-")[0]
    checkout = guest.follow(held)
    check_page = guest.follow(deaths.may_come("details", at, lambda: guest.give_details(checkout)))
    bank_page = guest.follow(deaths.may_come("pay", at, lambda: guest.go_to_bank(check_page)))
    paid = deaths.may_come("bank", at, lambda: guest.at_bank(bank_page))
    page = guest.follow(deaths.may_come("return", at, lambda: guest.get(paid.location)))
    assert "You are expected, Zoë Müller" in page.words, page.words
    books.assert_in_order()
    deaths.may_come_at_work("after booking", at)
    deaths.sweeper.sweep_until_done(books)
    assert books.letters(reference) == ["confirmed"]

    cancelled = deaths.may_come("cancel", at, lambda: guest.cancel(page))
    # Pressed again after a death, the button may say that it is cancelled already.
    assert "cancelled" in guest.follow(cancelled).words
    deaths.may_come_at_work("after cancelling", at)
    deaths.sweeper.sweep_until_done(books)
    _assert_done_once(books, reference)


def _assert_done_once(books: Books, reference: str) -> None:
    assert books.status(reference) == "cancelled"
    assert books.live_count() == 0
    assert books.attempts(reference) == ["paid"]
    (capture, came), (refund, went) = books.ledger(reference)
    assert (capture, refund) == ("capture", "refund")
    assert went == -came
    assert books.refunds(reference) == [("cancelled", "succeeded")]
    assert books.bank_refunds(reference) == 1
    assert books.mail_jobs(reference) == ["cancelled", "confirmed"]
    assert books.letters(reference) == ["cancelled", "confirmed"]
    books.assert_in_order()
