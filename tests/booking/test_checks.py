"""Visitors can ask for what is on offer, up to its very edges, and for nothing else."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.booking.checks import (
    AdultsTooMany,
    ChildrenTooMany,
    DateInPast,
    DatesBackwards,
    DateTooFar,
    NightsTooFew,
    NightsTooMany,
    NoAdult,
    NoSuchSession,
    PartyTooLarge,
    PartyUnclear,
    SessionClosed,
    bookable_until,
    check_session,
    check_stay,
)
from app.core.errors import DomainError
from tests.booking.house import ARRIVE, BERLIN, DEPART, KAYAK, KAYAK_AT, NOW, REED, TODAY, VENUE


@pytest.mark.parametrize(
    ("arrive", "depart", "adults", "children", "refusal"),
    [
        (ARRIVE, ARRIVE, 2, 0, DatesBackwards),
        (date(2026, 5, 3), date(2026, 5, 6), 2, 0, DateInPast),
        (date.min, date.max, 2, 0, DateInPast),
        (date(2027, 11, 2), date(2027, 11, 5), 2, 0, DateTooFar),
        (date(9999, 12, 1), date.max, 2, 0, DateTooFar),
        (ARRIVE, date(2026, 5, 8), 2, 0, NightsTooFew),
        (ARRIVE, date(2026, 5, 29), 2, 0, NightsTooMany),
        (ARRIVE, DEPART, 0, 1, NoAdult),
        (ARRIVE, DEPART, 1, -1, PartyUnclear),
        (ARRIVE, DEPART, 2, 2, PartyTooLarge),
        (ARRIVE, DEPART, 3, 0, AdultsTooMany),
        (ARRIVE, DEPART, 1, 2, ChildrenTooMany),
    ],
)
def test_a_stay_that_is_not_on_offer_is_refused(arrive, depart, adults, children, refusal):
    with pytest.raises(DomainError) as raised:
        check_stay(REED, VENUE, arrive, depart, adults, children, today=TODAY)

    assert type(raised.value) is refusal
    assert "%" not in str(raised.value)
    assert "%" not in raised.value.say()


@pytest.mark.parametrize(
    ("arrive", "depart", "adults", "children"),
    [
        (TODAY, date(2026, 5, 6), 2, 1),  # from today, and the shortest stay
        (ARRIVE, date(2026, 5, 28), 1, 0),  # the longest
        (date(2027, 11, 1), date(2027, 11, 4), 2, 0),  # up to the last date
    ],
)
def test_a_stay_at_the_edge_of_what_is_on_offer_is_not(arrive, depart, adults, children):
    check_stay(REED, VENUE, arrive, depart, adults, children, today=TODAY)


@pytest.mark.parametrize(
    ("starts_at", "adults", "children", "now", "refusal"),
    [
        (KAYAK_AT, 1, 0, KAYAK_AT - timedelta(minutes=120), SessionClosed),
        (KAYAK_AT, 1, 0, KAYAK_AT + timedelta(days=400), SessionClosed),
        (KAYAK_AT + timedelta(hours=1), 1, 0, NOW, NoSuchSession),
        (datetime.min.replace(tzinfo=UTC), 1, 0, NOW, NoSuchSession),
        (datetime.max.replace(tzinfo=UTC), 1, 0, NOW, NoSuchSession),
        (KAYAK_AT + timedelta(weeks=52 * 4), 1, 0, NOW, DateTooFar),
        (KAYAK_AT, 0, 2, NOW, NoAdult),
        (KAYAK_AT, 5, 4, NOW, PartyTooLarge),
    ],
)
def test_a_session_that_is_not_on_offer_is_refused(starts_at, adults, children, now, refusal):
    with pytest.raises(DomainError) as raised:
        check_session(KAYAK, VENUE, starts_at, adults, children, now=now)

    assert type(raised.value) is refusal


def test_a_session_is_open_until_its_cut_off():
    just_before = KAYAK_AT - timedelta(minutes=120, microseconds=1)

    check_session(KAYAK, VENUE, KAYAK_AT, 8, 0, now=just_before)
    check_session(KAYAK, VENUE, KAYAK_AT.astimezone(BERLIN), 4, 4, now=just_before)


@pytest.mark.parametrize(
    ("today", "months", "until"),
    [
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-12-31", 12, "2027-12-31"),
        ("9999-06-01", 12, "9999-12-31"),
    ],
)
def test_months_ahead_end_on_a_date_that_exists(today, months, until):
    venue = replace(VENUE, months_ahead=months)

    assert bookable_until(venue, date.fromisoformat(today)) == date.fromisoformat(until)
