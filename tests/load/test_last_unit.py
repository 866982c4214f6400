"""However many press at the same moment, no place is sold twice, and nobody is refused unjustly.

Fifty buyers in ten processes, before eight processes of the real server, time after time: who
comes too late is told so in words, and nobody sees an error.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import pytest

from tests.load.books import Books
from tests.load.crowd import Said, press_at_once
from tests.load.guests import Answer, Guest

BUYERS = 50
# Each time for other nights and another tour; with bin/test --all twenty times.
ROUNDS = [2, pytest.param(20, marks=pytest.mark.slow)]
LONGEST = 12  # seconds that anybody may wait for an answer; the database gives up after 15

pytestmark = [pytest.mark.both_databases, pytest.mark.clause("C16")]


def _all_hold(guest: Guest, baskets: Sequence[Answer]) -> list[Said]:
    """Let the owners of these baskets all press the button at one moment."""
    forms = [basket.form("/hold") for basket in baskets]
    return press_at_once(guest.server, [(form.path, form.fields) for form in forms])


def _assert_polite(said: Sequence[Said], words: str) -> list[Said]:
    """Fail unless everybody was led to checkout or told in words why not; return the winners."""
    assert set(Counter(answer.status for answer in said)) <= {303, 409}, [
        (answer.status, answer.text[-200:]) for answer in said if answer.status not in (303, 409)
    ]
    assert max(answer.seconds for answer in said) < LONGEST
    winners = [answer for answer in said if answer.status == 303]
    for winner in winners:
        assert winner.location.startswith("/checkout/")
    for loser in said:
        assert loser.status == 303 or words in loser.text
    return winners


def _led_to(winner: Said) -> Answer:
    return Answer("", winner.status, winner.location, winner.text)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_of_fifty_buyers_of_the_last_unit_one_gets_it_and_the_others_are_told(
    guest: Guest, books: Books, rounds: int
) -> None:
    """One hold, forty-nine refusals in words, each time; and who holds it pays and is expected."""
    got: list[tuple[date, date]] = []
    for number in range(rounds):
        arrive = books.clock().date() + timedelta(days=60 + 2 * number)
        got.append((arrive, arrive + timedelta(days=2)))
        wish = [day.isoformat() for day in got[-1]]
        baskets = [guest.choose_nights("boathouse", *wish) for _ in range(BUYERS)]
        assert len({basket.path for basket in baskets}) == BUYERS

        said = _all_hold(guest, baskets)

        (winner,) = _assert_polite(said, "Someone has just taken some of these nights.")
        nights = [night for stay in got for night in _nights(stay)]
        assert books.live_stays("boathouse") == got
        assert [books.taken("boathouse", night) for night in nights] == [1] * len(nights)
        assert books.seating_rows("boathouse") == nights
        books.assert_in_order()
        reservation = guest.pay(_led_to(winner))
        assert "You are expected, Zoë Müller" in reservation.words
        assert books.statuses() == {"confirmed": len(got)}


@pytest.mark.parametrize("rounds", ROUNDS)
def test_of_fifty_pairs_four_get_the_eight_seats_of_a_tour(
    guest: Guest, books: Books, rounds: int
) -> None:
    """Eight seats, two each: four holds each time, and no seat left over or sold twice."""
    starts = books.starts_of_sessions("kayak-tour", days_ahead=30, most=rounds)
    for number, starts_at in enumerate(starts, start=1):
        baskets = [guest.choose_session("kayak-tour", starts_at, adults=2) for _ in range(BUYERS)]

        said = _all_hold(guest, baskets)

        winners = _assert_polite(said, "There aren’t that many seats left at this time.")
        assert len(winners) == 4
        assert books.statuses() == {"held": 4 * number}
        assert books.seats_taken("kayak-tour") == [8] * number
        books.assert_in_order()


def test_overlapping_stays_fill_the_rooms_and_only_the_full_nights_refuse(
    guest: Guest, books: Books
) -> None:
    """Three rooms, twenty stays of different nights: never a fourth, never a refusal too many."""
    rooms, chance = 3, Random(20)
    first = books.clock().date() + timedelta(days=90)
    wishes = []
    for _ in range(20):
        arrive = first + timedelta(days=chance.randrange(8))
        wishes.append((arrive, arrive + timedelta(days=chance.randint(1, 5))))
    baskets = [
        guest.choose_nights("reed-room", arrive.isoformat(), depart.isoformat())
        for arrive, depart in wishes
    ]

    said = _all_hold(guest, baskets)

    winners = _assert_polite(said, "Someone has just taken some of these nights.")
    got = [wish for wish, answer in zip(wishes, said, strict=True) if answer.status == 303]
    assert len(winners) == len(got)
    sold = Counter(night for stay in got for night in _nights(stay))
    assert max(sold.values()) == rooms
    assert books.live_stays("reed-room") == sorted(got)
    for wish, answer in zip(wishes, said, strict=True):
        if answer.status == 409:
            assert any(sold[night] == rooms for night in _nights(wish)), f"{wish} was free"
    books.assert_in_order()


def _nights(stay: tuple[date, date]) -> list[date]:
    arrive, depart = stay
    return [arrive + timedelta(days=n) for n in range((depart - arrive).days)]
