"""A server that dies between any two steps loses nothing and does nothing twice.

The process that answers is killed (`kill -9`) before each statement, before and after each
commit, and before its answer is sent: at the first step in one journey, at the second in
the next, to the last. The guest does what people do: reloads, or presses again. The worker
dies in the same way, and is started again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.core.outbox import LEASE
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
WORKS = ("work after booking", "work after cancelling")
MOST_STEPS = 200
MOST_ROUNDS = 12


@dataclass
class Deaths:
    """Which steps there are to die at, as far as that is known."""

    server: PreloadedServer
    sweeper: Sweeper
    last: dict[str, int] = field(default_factory=dict)  # steps of each request that were died at
    died: dict[str, list[str]] = field(default_factory=dict)

    def may_come(self, what: str, at: int, act: Callable[[], Answer]) -> Answer:
        """Do a request whose process dies at that step, as long as there is such a step."""
        if what in self.last:
            return act()
        self.server.doom(*REQUESTS[what], at)
        answer = act()
        self._note(what, at, self.server.outcome())
        return answer

    def may_come_at_work(self, what: str, at: int) -> None:
        """Let the worker do a round, and die at that step of it."""
        if what not in self.last:
            self._note(what, at, self.sweeper.sweep(at))

    def _note(self, what: str, at: int, outcome: dict[str, Any]) -> None:
        if "died" in outcome:
            self.died.setdefault(what, []).append(outcome["died"])
        else:
            assert outcome["survived"] < at
            self.last[what] = at - 1

    @property
    def are_over(self) -> bool:
        """Whether every step of every request was died at."""
        return self.last.keys() >= {*REQUESTS, *WORKS}


@pytest.fixture
def deaths(serve: Callable[..., PreloadedServer], sweeper: Sweeper) -> Deaths:
    """The server and the worker, which die when they are told to."""
    return Deaths(serve(workers=3, site=True), sweeper)


@pytest.mark.clause("C16", "C17")
@pytest.mark.parametrize(
    ("database", "stride"),
    [
        pytest.param("sqlite", 1, id="sqlite"),
        pytest.param("postgresql", 1, id="postgresql", marks=pytest.mark.postgres),
    ],
    indirect=["database"],
)
def test_whatever_dies_at_whatever_step_the_journey_ends_well(
    deaths: Deaths, books: Books, stride: int
) -> None:
    """One hold, one person with a key, one capture, one confirmation, one refund: each time."""
    for at in range(1, MOST_STEPS, stride):
        import time; t=time.time()  # DEBUG
        _journey(deaths, books, at)
        print(at, round(time.time()-t,2), deaths.last, {k: v[-1] for k,v in deaths.died.items() if k not in deaths.last}, flush=True)
        if deaths.are_over:
            break

    assert deaths.are_over
    print({what: len(died) for what, died in deaths.died.items()})
    assert all(deaths.last[what] > 3 for what in deaths.last)


def _journey(deaths: Deaths, books: Books, at: int) -> None:
    """Book the boathouse and a seat, pay, cancel: with a death in each request."""
    guest = Guest(deaths.server)
    stay = guest.choose_nights("boathouse", *books.nights(60, 2))
    key = urlsplit(stay.path).path.rpartition("/")[2]
    starts_at = books.start_of_session("kayak-tour", 60)
    basket = guest.choose_session("kayak-tour", starts_at, adults=1, basket=key)

    held = deaths.may_come("hold", at, lambda: guest.hold(basket))
    assert held.status == 303, held.words
    reference = urlsplit(held.location).path.split("/")[2].partition("-")[0]
    assert books.live_count() == 1
    checkout = guest.follow(held)
    given = deaths.may_come("details", at, lambda: guest.give_details(checkout))
    check_page = guest.follow(given)
    going = deaths.may_come("pay", at, lambda: guest.go_to_bank(check_page))
    bank_page = guest.follow(going)
    paid = deaths.may_come("bank", at, lambda: guest.at_bank(bank_page))
    page = guest.follow(deaths.may_come("return", at, lambda: guest.get(paid.location)))
    assert "You are expected, Zoë Müller" in page.words, page.words
    books.assert_in_order()

    deaths.may_come_at_work(WORKS[0], at)
    _work(deaths.sweeper, books)
    assert books.mail_jobs(reference) == ["confirmed"]
    assert books.letters(reference) == ["confirmed"]

    page = guest.get(page.path)
    cancelled = deaths.may_come("cancel", at, lambda: guest.cancel(page))
    if cancelled.status == 303:
        cancelled = guest.follow(cancelled)
    assert "cancelled" in cancelled.words, cancelled.words
    deaths.may_come_at_work(WORKS[1], at)
    _work(deaths.sweeper, books)

    _assert_done_once(books, reference)


def _work(sweeper: Sweeper, books: Books) -> None:
    """Let the worker do rounds until nothing is left, each when a lease of the dead has ended."""
    for _ in range(MOST_ROUNDS):
        sweeper.sweep()
        if not books.jobs_left():
            return
        books.clock.move(LEASE + timedelta(seconds=1))
    raise AssertionError(f"left undone: {books.jobs_left()}")


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
