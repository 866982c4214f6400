"""A refund is what the policy of the day of booking says, to the cent, and never more than paid."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking.cancellation import (
    BadPolicy,
    CancellationPolicy,
    StayBegun,
    Tier,
    grace_until,
    refund_due,
    tiers_as_dates,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLICY = CancellationPolicy((Tier(14, 10_000), Tier(3, 5_000)), grace_hours=24)
START = datetime(2026, 6, 20, 15, tzinfo=BERLIN)
BOOKED = datetime(2026, 1, 1, tzinfo=UTC)


def refund(at, *, policy=POLICY, paid=10001, totals=(10001,), start=START, booked=BOOKED):
    return refund_due(policy, paid, totals, start, BERLIN, booked_at=booked, cancelled_at=at)


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("at", "back"),
    [
        ("2026-06-06T23:59:59", 10001),  # 14 days before, to the end of the day
        ("2026-06-07T00:00:00", 5001),  # the odd half cent goes to the guest
        ("2026-06-17T23:59:59", 5001),
        ("2026-06-18T00:00:00", 0),
        ("2026-06-20T14:59:59", 0),
    ],
)
def test_days_are_counted_on_the_calendar_of_the_place(at, back):
    assert refund(local(at)) == back
    assert refund(local(at).astimezone(ZoneInfo("Pacific/Auckland"))) == back


@pytest.mark.parametrize("later", [timedelta(0), HOUR, 400 * DAY])
def test_from_the_first_start_on_a_person_decides(later):
    with pytest.raises(StayBegun):
        refund(START + later)


def test_an_hour_that_comes_twice_is_not_taken_for_the_other():
    start = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    after = datetime(2026, 10, 25, 2, 15, fold=1, tzinfo=BERLIN)  # 45 minutes after the start

    with pytest.raises(StayBegun):
        refund(after, start=start)


def test_within_the_grace_all_comes_back():
    booked = START - 5 * DAY

    assert refund(booked, booked=booked) == 10001
    assert refund(booked + 24 * HOUR - timedelta(seconds=1), booked=booked) == 10001
    assert refund(booked + 24 * HOUR, booked=booked) == 5001


def test_the_grace_ends_where_the_start_is_near():
    booked = START - 60 * HOUR

    assert grace_until(POLICY, START, booked_at=booked) == START - 48 * HOUR
    assert refund(START - 48 * HOUR - timedelta(seconds=1), booked=booked) == 10001
    assert refund(START - 48 * HOUR, booked=booked) == 0


def test_there_is_no_grace_for_tonight():
    booked = START - 10 * HOUR

    assert grace_until(POLICY, START, booked_at=booked) is None
    assert refund(booked, booked=booked) == 0


def test_each_line_is_rounded_in_favour_of_the_guest():
    at = local("2026-06-10T12:00")

    # A hundred euros and a cent, three ways: half of each odd line is rounded up.
    assert refund(at, totals=(3333, 3334, 3334)) == 1667 + 1667 + 1667
    # A discount is a negative line: what the guest loses of it is rounded down.
    assert refund(at, totals=(10001, -101)) == 5001 - 50


@pytest.mark.parametrize(("paid", "back"), [(0, 0), (3000, 3000), (5001, 5001), (-5, 0)])
def test_nothing_comes_back_that_was_not_paid(paid, back):
    assert refund(local("2026-06-10T12:00"), paid=paid) == back


def test_a_discount_larger_than_the_price_is_no_debt():
    assert refund(local("2026-05-01T12:00"), totals=(100, -500)) == 0


POLICIES = st.builds(
    lambda days, shares, grace, near: CancellationPolicy(
        tuple(map(Tier, sorted(days, reverse=True), sorted(shares, reverse=True))), grace, near
    ),
    st.lists(st.integers(0, 90), unique=True, min_size=3, max_size=3),
    st.lists(st.integers(0, 10_000), min_size=3, max_size=3),
    st.integers(0, 72),
    st.integers(0, 72),
)
STARTS = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 (given its zone below)
    datetime(2027, 12, 31),  # noqa: DTZ001
).map(lambda moment: moment.replace(tzinfo=BERLIN))
TOTALS = st.lists(st.integers(-5_000, 100_000), min_size=1, max_size=6)
SECONDS = st.integers(1, 100 * 24 * 3600)


@given(POLICIES, STARTS, TOTALS, st.integers(0, 10**6), SECONDS, SECONDS)
def test_a_refund_lies_between_nothing_and_what_was_paid(
    policy, start, totals, paid, ahead, booked
):
    start = start.astimezone(UTC)
    at = start - timedelta(seconds=ahead)

    back = refund(
        at, policy=policy, paid=paid, totals=totals, start=start,
        booked=at - timedelta(seconds=booked),
    )  # fmt: skip

    assert 0 <= back <= paid
    assert back <= max(0, sum(max(total, 0) for total in totals))


@given(POLICIES, STARTS, TOTALS, SECONDS, SECONDS)
def test_waiting_never_pays(policy, start, totals, one, other):
    totals = list(map(abs, totals))
    start = start.astimezone(UTC)
    booked = start - timedelta(seconds=max(one, other))

    early, late = (
        refund(
            start - timedelta(seconds=ahead),
            policy=policy, paid=10**7, totals=totals, start=start, booked=booked,
        )
        for ahead in (max(one, other), min(one, other))
    )  # fmt: skip

    assert late <= early


@given(POLICIES, STARTS)
def test_the_dated_table_says_what_the_refund_does(policy, start):
    rows = tiers_as_dates(policy, start, BERLIN)
    long_ago = start - 4000 * DAY

    assert rows[-1] == (None, 0)
    for (until, share), (_, next_share) in pairwise(rows):
        last_second = until.astimezone(UTC) - timedelta(microseconds=1)
        assert (
            refund(
                last_second,
                policy=policy,
                paid=10_000,
                totals=[10_000],
                start=start,
                booked=long_ago,
            )
            == share
        )
        if until < start:
            after = refund(
                until, policy=policy, paid=10_000, totals=[10_000], start=start, booked=long_ago
            )
            assert after == next_share


def test_the_dated_table_of_a_policy():
    assert tiers_as_dates(POLICY, START, BERLIN) == [
        (local("2026-06-07T00:00"), 10_000),
        (local("2026-06-18T00:00"), 5_000),
        (None, 0),
    ]


def test_a_tier_of_the_day_itself_ends_with_the_start():
    policy = CancellationPolicy((Tier(0, 2_500),), 0)

    assert tiers_as_dates(policy, START, BERLIN) == [(START, 2_500), (None, 0)]


def test_a_midnight_that_the_clocks_skip_is_the_hour_after():
    cairo = ZoneInfo("Africa/Cairo")  # on 24 April 2026 the clocks go from 00:00 to 01:00
    start = datetime(2026, 4, 25, 15, tzinfo=cairo)

    ((until, _), _) = tiers_as_dates(CancellationPolicy((Tier(2, 10_000),), 0), start, cairo)

    assert (until.date(), until.hour) == (date(2026, 4, 24), 1)


@given(POLICIES)
def test_a_policy_kept_with_a_reservation_is_the_same_one_later(policy):
    assert CancellationPolicy.from_json(policy.to_json()) == policy


def test_the_form_in_which_policies_are_kept_does_not_change():
    kept = '{"tiers": [[14, 10000], [3, 5000]], "grace_hours": 24, "grace_start_hours": 48}'

    assert POLICY.to_json() == kept
    assert CancellationPolicy.from_json(kept) == POLICY


@pytest.mark.parametrize(
    "tiers",
    [
        (Tier(3, 10_000), Tier(14, 5_000)),  # more for cancelling later
        (Tier(3, 10_000), Tier(3, 5_000)),
        (Tier(3, 10_001),),
        (Tier(3, -1),),
        (Tier(-1, 10_000),),
        (Tier(10**9, 10_000),),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(tiers):
    with pytest.raises(BadPolicy):
        CancellationPolicy(tiers, 24)


def test_tiers_may_be_written_in_any_order():
    assert CancellationPolicy((Tier(3, 5_000), Tier(14, 10_000)), 24) == POLICY
