"""The law's hours are hours of the clock: nights, weekends and the change of clocks count."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.continuity.incidents_clocks import (
    AUTHORITY,
    AUTHORITY_HOURS,
    CHINA,
    CHINA_HOURS,
    PEOPLE,
    at_wall,
    clocks,
    due,
)
from app.continuity.incidents_models import HIGH, NO_RISK, RISK, Incident
from app.continuity.incidents_risk import propose
from app.core.datamap import Kind
from app.policy.facts import facts

pytestmark = pytest.mark.clause("C15")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe")
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 14 * 365 * 24 * 3600).map(lambda s: SINCE + timedelta(seconds=s))


def incident(noticed_at, **more):
    return Incident(noticed_at=noticed_at, **{"risk": "", "significant": False, **more})


def test_the_hours_are_facts_that_the_policy_states():
    assert facts()["incident_authority"] == timedelta(hours=72)
    assert facts()["incident_china"] == timedelta(hours=4)


@given(noticed=instants, zone=st.sampled_from(ZONES), hours=st.sampled_from((4, 72)))
def test_between_noticing_and_the_end_lie_exactly_the_hours(noticed, zone, hours):
    wall = noticed.astimezone(ZoneInfo(zone))

    ends = due(at_wall(wall.date(), wall.time(), ZoneInfo(zone)), hours)

    # Of an hour that came twice the first is taken: never a later end than there really is.
    assert ends <= noticed + timedelta(hours=hours)
    assert ends >= noticed + timedelta(hours=hours - 1)
    assert (due(noticed, hours) - noticed).total_seconds() == hours * 3600


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        (date(2026, 3, 28), "2026-03-31 13:00"),  # the clocks go forward in between
        (date(2026, 10, 24), "2026-10-27 11:00"),  # and back
        (date(2026, 12, 24), "2026-12-27 12:00"),  # holidays count
    ],
)
def test_three_days_over_a_change_of_clocks_end_at_another_time_on_the_wall(day, ends):
    zone = ZoneInfo("Europe/Berlin")
    ended = due(at_wall(day, time(12), zone), AUTHORITY_HOURS).astimezone(zone)

    assert f"{ended:%Y-%m-%d %H:%M}" == ends


@given(noticed=instants, minutes=st.integers(0, 100 * 60))
def test_a_clock_is_late_exactly_after_its_hours(noticed, minutes):
    now = noticed + timedelta(minutes=minutes)
    authority = clocks(incident(noticed), "DE", people=1)[0]

    assert authority.is_late(now) == (minutes > 72 * 60)
    assert (authority.hours_left(now) < 0) == (minutes > 72 * 60)


@pytest.mark.parametrize(
    ("country", "risk", "significant", "running"),
    [
        ("DE", "", False, {AUTHORITY, PEOPLE}),
        ("DE", RISK, True, {AUTHORITY}),
        ("DE", HIGH, False, {AUTHORITY, PEOPLE}),
        ("DE", NO_RISK, False, set()),
        ("CN", HIGH, False, {AUTHORITY, PEOPLE}),
        ("CN", HIGH, True, {AUTHORITY, CHINA, PEOPLE}),
        ("US", HIGH, True, {AUTHORITY, PEOPLE}),
    ],
)
def test_which_clocks_count_is_said_by_the_country_and_the_risk(
    country, risk, significant, running
):
    found = clocks(
        incident(datetime(2026, 5, 1, tzinfo=UTC), risk=risk, significant=significant),
        country,
        people=3,
    )

    assert {one.name for one in found if one.runs()} == running
    assert [one.hours for one in found if one.name == CHINA] == [CHINA_HOURS]


@pytest.mark.parametrize(
    ("kinds", "people", "on_purpose", "risk"),
    [
        ([], 0, True, NO_RISK),
        ([], 5, True, NO_RISK),
        ([Kind.NAME], 5, False, RISK),
        ([Kind.NAME], 5, True, HIGH),
        ([Kind.NAME], 1000, False, HIGH),
        ([Kind.CREDENTIAL], 1, False, HIGH),
        ([Kind.WISH], 1, False, HIGH),
        ([Kind.PAYMENT], 1, False, RISK),
        ([Kind.BOOKING], 3, True, RISK),
    ],
)
def test_the_proposal_follows_what_could_be_read(kinds, people, on_purpose, risk):
    found = propose([kind.value for kind in kinds], people=people, on_purpose=on_purpose)

    assert found.risk == risk
    assert found.why
