"""Sessions start at the same time on the wall all year, and every start is a real instant."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from app.booking.schedule import BadSchedule, NeverStarts, Schedule, StartsTooOften

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(starts, rules="", zone=BERLIN, minutes=90):
    return Schedule(datetime.fromisoformat(starts), rules, zone, minutes)


def walls(found):
    return [f"{one.local:%Y-%m-%d %H:%M %z}" for one in found]


def test_a_weekly_series_keeps_its_time_on_the_wall_over_both_changes():
    tuesdays = schedule("2026-01-06T09:00", "RRULE:FREQ=WEEKLY;BYDAY=TU")

    found = tuesdays.occurrences(date(2026, 1, 1), date(2026, 12, 31))

    assert len(found) == 52
    assert {one.local.strftime("%a %H:%M") for one in found} == {"Tue 09:00"}
    assert {one.starts_at.strftime("%H:%M") for one in found} == {"08:00", "07:00"}


def test_a_time_that_the_clocks_skip_moves_forward_by_the_gap():
    nights = schedule("2026-03-28T02:30", "RRULE:FREQ=DAILY;COUNT=3")

    found = nights.occurrences(date(2026, 3, 1), date(2026, 3, 31))

    assert walls(found) == [
        "2026-03-28 02:30 +0100",
        "2026-03-29 03:30 +0200",
        "2026-03-30 02:30 +0200",
    ]


def test_a_time_that_comes_twice_means_the_first():
    nights = schedule("2026-10-24T02:30", "RRULE:FREQ=DAILY;COUNT=3")

    found = nights.occurrences(date(2026, 10, 25), date(2026, 10, 25))

    assert walls(found) == ["2026-10-25 02:30 +0200"]
    assert nights.at(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert not nights.at(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_a_skipped_time_and_the_one_it_moves_to_are_one_start():
    nights = schedule("2026-03-01T02:30", "RRULE:FREQ=DAILY;BYHOUR=2,3")

    found = nights.occurrences(date(2026, 3, 29), date(2026, 3, 29))

    assert walls(found) == ["2026-03-29 03:30 +0200"]


def test_a_length_is_time_that_really_passes():
    late = schedule("2026-10-25T01:30", minutes=150)

    (only,) = late.occurrences(date(2026, 10, 25), date(2026, 10, 25))

    assert only.ends_at - only.starts_at == timedelta(minutes=150)
    assert f"{only.ends_at.astimezone(BERLIN):%H:%M}" == "03:00"


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_of_23_or_25_hours_has_every_hour_once(day, hours):
    hourly = schedule(
        "2026-01-01T00:00", "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))), minutes=30
    )

    found = hourly.occurrences(date.fromisoformat(day), date.fromisoformat(day))

    # The second 02:00 in autumn isn't one of ours, and 02:00 in spring becomes 03:00.
    assert len(found) == len({one.starts_at for one in found}) == min(hours, 24)


def test_a_day_that_samoa_skipped_moves_to_the_next():
    apia = schedule("2011-12-28T09:00", "RRULE:FREQ=DAILY;COUNT=5", ZoneInfo("Pacific/Apia"))

    found = apia.occurrences(date(2011, 12, 1), date(2012, 1, 31))

    assert [one.local.day for one in found] == [28, 29, 31, 1]


def test_a_start_that_is_moved_into_another_month_is_found_there():
    # Kiritimati went from 30 December 1994 straight to 1 January 1995.
    kiritimati = schedule("1994-12-31T09:00", zone=ZoneInfo("Pacific/Kiritimati"))

    assert kiritimati.occurrences(date(1994, 12, 1), date(1994, 12, 31)) == []
    assert len(kiritimati.occurrences(date(1995, 1, 1), date(1995, 1, 31))) == 1


@pytest.mark.parametrize("server", ["UTC", "Pacific/Auckland"])
def test_the_zone_of_the_server_is_never_asked(server, monkeypatch):
    monkeypatch.setenv("TZ", server)
    time.tzset()
    try:
        found = schedule("2026-07-01T09:00").occurrences(date(2026, 7, 1), date(2026, 7, 1))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert [one.starts_at for one in found] == [datetime(2026, 7, 1, 7, tzinfo=UTC)]
    assert os.environ.get("TZ") != "Pacific/Auckland"


def test_days_can_be_added_and_left_out():
    tuesdays = schedule(
        "2026-12-01T09:00",
        "RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20261222\r\n"
        "EXDATE;TZID=Europe/Berlin:20261208T090000\r\n"
        "EXDATE;VALUE=DATE:20261\r\n 215\r\n"
        "RDATE:20261224T140000,20261226\r\n",
    )

    found = tuesdays.occurrences(date(2026, 12, 1), date(2026, 12, 31))

    assert [f"{one.local:%d %H}" for one in found] == ["01 09", "22 09", "24 14", "26 09"]


def test_an_end_in_utc_is_read_as_a_time_at_the_place():
    daily = schedule("2026-07-01T09:00", "RRULE:FREQ=DAILY;UNTIL=20260703T070000Z")

    assert len(daily.occurrences(date(2026, 7, 1), date(2026, 7, 31))) == 3


@pytest.mark.parametrize(
    "rules",
    [
        "RRULE:FREQ=WEEKLY;BYDAY=2TU",
        "RRULE:FREQ=WEEKLY;COUNT=3;UNTIL=20270101",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;FREQ=WEEKLY",
        "RRULE:FREQ=YEARLY;BYMONTH=13",
        "RRULE:FREQ=DAILY;BYSECOND=1",
        "RRULE:FREQ=DAILY;UNTIL=20269999",
        "RRULE:BYDAY=TU",
        "RRULE:",
        "EXRULE:FREQ=DAILY",
        "DTSTART:20260101T090000",
        "EXDATE;TZID=Asia/Tokyo:20260101T090000",
        "RDATE:" + ",".join(["20260101"] * 1001),
        "RDATE:99991231",
        "X" * 30_000,
    ],
)
def test_rules_that_cannot_be_read_are_refused(rules):
    with pytest.raises(BadSchedule):
        schedule("2026-01-01T09:00", rules)


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY", "FREQ=DAILY;BYHOUR=9,10;BYMINUTE="]
)
def test_rules_that_start_too_often_are_refused(rule):
    every_minute = ",".join(map(str, range(60))) if rule.endswith("=") else ""

    with pytest.raises(StartsTooOften):
        schedule("2026-01-01T09:00", f"RRULE:{rule}{every_minute}")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",  # from a Thursday
        "FREQ=DAILY;UNTIL=20251231",
    ],
)
def test_rules_that_no_day_meets_are_refused_soon(rule):
    begun = time.perf_counter()

    with pytest.raises(NeverStarts):
        schedule("2026-01-01T09:00", f"RRULE:{rule}")
    assert time.perf_counter() - begun < 2


def test_any_date_at_all_can_be_asked_for():
    daily = schedule("2026-01-01T09:00", "RRULE:FREQ=DAILY")

    assert daily.occurrences(date.min, date.min) == []
    assert daily.occurrences(date.max, date.max) == []
    assert daily.occurrences(date(2026, 5, 2), date(2026, 5, 1)) == []
    assert not daily.at(datetime.min.replace(tzinfo=UTC))
    assert not daily.at(datetime.max.replace(tzinfo=UTC))
    with pytest.raises(ValueError, match="days at once"):
        daily.occurrences(date.min, date.max)


def test_a_month_of_a_series_that_began_long_ago_is_quick():
    daily = schedule("1990-01-01T09:00", "RRULE:FREQ=DAILY")
    begun = time.perf_counter()

    for month in range(1, 13):
        assert len(daily.occurrences(date(2026, month, 1), date(2026, month, 28))) == 28

    # Counted up from 1990 it would be 13,000 days for each of the months: 0.3 s in all.
    assert time.perf_counter() - begun < 0.1


DAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1).map(
    ",".join
)
RULES = st.one_of(
    st.just("FREQ=DAILY"),
    st.just("FREQ=MONTHLY"),
    st.just("FREQ=YEARLY"),
    DAYS.map(lambda days: f"FREQ=DAILY;BYDAY={days}"),
    DAYS.map(lambda days: f"FREQ=WEEKLY;BYDAY={days}"),
    DAYS.map(lambda days: f"FREQ=WEEKLY;WKST=SU;BYDAY={days}"),
    DAYS.map(lambda days: f"FREQ=MONTHLY;BYSETPOS=-1;BYDAY={days}"),
    st.sampled_from(["FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYMONTHDAY=-1,31"]),
    st.sampled_from(["FREQ=YEARLY;BYMONTH=6,12;BYDAY=-1FR", "FREQ=YEARLY;BYMONTHDAY=15"]),
)
NAIVE = st.datetimes(datetime(2015, 1, 1), datetime(2020, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0)
)


@settings(max_examples=150, deadline=None)
@given(
    NAIVE, RULES, st.integers(1, 5), st.integers(0, 4000), st.sampled_from(["", "COUNT", "UNTIL"])
)
def test_skipping_ahead_finds_what_counting_from_the_start_finds(starts, rule, every, later, end):
    rule += f";INTERVAL={every}"
    rule += {"": "", "COUNT": ";COUNT=40", "UNTIL": ";UNTIL=20221231T235900"}[end]
    first = starts.date() + timedelta(days=later)
    last = first + timedelta(days=60)
    try:
        found = Schedule(starts, f"RRULE:{rule}", ZoneInfo("UTC"), 60).occurrences(first, last)
    except NeverStarts:
        found = []

    low = datetime.combine(first, datetime.min.time())
    high = datetime.combine(last, datetime.max.time())
    expected = []
    for wall in rrulestr(rule, dtstart=starts):
        if wall > high:
            break
        if wall >= low:
            expected.append(wall)
    assert [one.local.replace(tzinfo=None) for one in found] == expected
