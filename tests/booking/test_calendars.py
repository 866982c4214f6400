"""A calendar file says what, when and where, to any reader of calendars, and names nobody.

It is judged by readers that didn't write it: by the letter of RFC 5545 here, and by
recurring_ical_events, which expands files as calendar programs do.
"""

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given
from hypothesis import strategies as st

from app.booking.calendars import CalendarEvent, calendar_file

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
STAY = CalendarEvent(
    uid_local="R7K2-1",
    sequence=0,
    summary="Reed Room",
    location="Haus Rohrdommel, Am Bodden 1",
    description="Arrive from 15:00.",
    url="https://reserved.example/reservations/R7K2",
    arrive=date(2026, 6, 5),
    depart=date(2026, 6, 8),
)
NASTY = 'Röhricht; "Reed", \\n\r\nATTENDEE:mailto:eve@example.org\r\x00\x1b\u2028🦆' * 5 + "\ud800"


def session(starts_at, minutes=150, zone=BERLIN, **changes):
    return CalendarEvent(
        **{"uid_local": "R7K2-2", "sequence": 0, "summary": "Kayak", "location": "Jetty"} | changes,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        zone=zone,
    )


def written(*events, **how):
    return calendar_file(events, host="reserved.example", now=NOW, **how)


def lines(content):
    """Return the unfolded lines, as section 3.1 of RFC 5545 says, without any library."""
    return content.decode().replace("\r\n ", "").split("\r\n")


def test_a_stay_is_whole_days_and_leaves_the_day_of_departure_free():
    found = lines(written(STAY))

    assert "DTSTART;VALUE=DATE:20260605" in found
    assert "DTEND;VALUE=DATE:20260608" in found
    assert "VERSION:2.0" in found
    assert "DTSTAMP:20260504T080000Z" in found
    assert not [line for line in found if "VTIMEZONE" in line]

    calendar = icalendar.Calendar.from_ical(written(STAY))
    on = recurring_ical_events.of(calendar).at
    assert [len(on((2026, 6, day))) for day in range(4, 10)] == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("cancelled", "method", "status"),
    [(False, "PUBLISH", "CONFIRMED"), (True, "CANCEL", "CANCELLED")],
)
def test_a_cancellation_takes_back_the_same_event(cancelled, method, status):
    found = lines(written(STAY, cancelled=cancelled, organizer="house@example.org"))

    assert f"METHOD:{method}" in found
    assert f"STATUS:{status}" in found
    assert "UID:R7K2-1@reserved.example" in found
    assert "SEQUENCE:0" in found
    assert "ORGANIZER:mailto:house@example.org" in found


def test_the_same_reservation_is_the_same_file_at_the_same_time():
    assert written(STAY) == written(STAY)


def test_a_session_is_a_time_at_the_place_with_its_zone_defined():
    starts_at = datetime(2026, 7, 4, 7, tzinfo=UTC)
    content = written(session(starts_at))

    found = lines(content)
    assert "DTSTART;TZID=Europe/Berlin:20260704T090000" in found
    assert "DTEND;TZID=Europe/Berlin:20260704T113000" in found
    assert found.index("TZID:Europe/Berlin") < found.index("BEGIN:VEVENT")


def test_the_zone_is_defined_by_the_clock_before_each_change():
    found = "\n".join(lines(written(session(datetime(2026, 7, 4, 7, tzinfo=UTC)))))

    # RFC 5545, 3.6.5: the onset is a local time of TZOFFSETFROM.
    assert (
        "BEGIN:DAYLIGHT\nDTSTART:20260329T020000\nTZNAME:CEST\n"
        "TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT"
    ) in found
    assert (
        "BEGIN:STANDARD\nDTSTART:20261025T030000\nTZNAME:CET\n"
        "TZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD"
    ) in found


def offset_in(content, wall):
    """Return the offset that a file's own VTIMEZONE gives a wall time: the last onset counts.

    The onsets are compared as walls of the clock before the change, so times within an
    hour that is skipped or comes twice are not asked for.
    """
    found = {}
    for body in re.findall(
        r"BEGIN:(?:DAYLIGHT|STANDARD)\n(.*?)END:", "\n".join(lines(content)), re.DOTALL
    ):
        values = dict(line.split(":", 1) for line in body.strip().splitlines())
        sign, hours, minutes = re.fullmatch(r"([+-])(\d\d)(\d\d)", values["TZOFFSETTO"]).groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        found[values["DTSTART"]] = -offset if sign == "-" else offset
    onset = max(onset for onset in found if onset <= f"{wall:%Y%m%dT%H%M%S}")
    return found[onset]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31)),  # noqa: DTZ001 (UTC is added)
    st.sampled_from(
        [
            "Europe/Berlin",
            "America/St_Johns",
            "Australia/Lord_Howe",
            "Asia/Kolkata",
            "Europe/Dublin",
        ]
    ),
)
def test_a_reader_with_only_the_file_finds_the_instant(moment, key):
    zone = ZoneInfo(key)
    starts_at = moment.replace(microsecond=0, tzinfo=UTC)
    content = written(session(starts_at, zone=zone))

    # By our own reading of the definition, away from the hour of a change …
    local = starts_at.astimezone(zone)
    nearby = {(local + timedelta(hours=hours)).utcoffset() for hours in (-3, 0, 3)}
    if len(nearby) == 1:
        assert offset_in(content, local) == local.utcoffset()
    # … and by a library's, at any time.
    (event,) = recurring_ical_events.of(icalendar.Calendar.from_ical(content)).all()
    assert event.start.astimezone(UTC) == starts_at
    assert event.end.astimezone(UTC) == starts_at + timedelta(minutes=150)


def test_an_hour_that_comes_twice_is_written_in_utc_where_it_is_the_second():
    starts_at = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # to 01:00 UTC, the second 02:00

    found = lines(written(session(starts_at, minutes=90)))

    assert "DTSTART:20261024T233000Z" in found
    assert "DTEND:20261025T010000Z" in found


def test_lines_end_and_fold_as_the_format_says():
    content = written(
        session(NOW, uid_local=NASTY, summary=NASTY, description=NASTY, location=NASTY), STAY
    )

    assert content.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    for line in content.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no character is cut in two
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", content)


@given(st.text(st.characters(), max_size=200))
def test_no_text_can_add_a_line_of_its_own(text):
    event = session(
        NOW, uid_local=text, summary=text, location=text, description=text, url="https://x/" + text
    )

    names = [re.split("[:;]", line)[0] for line in lines(written(event))]

    plain = [
        re.split("[:;]", line)[0] for line in lines(written(session(NOW, description="d", url="u")))
    ]
    assert [n for n in names if n not in {"LOCATION", "DESCRIPTION"}] == [
        n for n in plain if n not in {"LOCATION", "DESCRIPTION"}
    ]


def test_a_nasty_text_is_read_back_as_it_was_meant():
    calendar = icalendar.Calendar.from_ical(written(session(NOW, summary=NASTY)))

    (event,) = calendar.events
    one = 'Röhricht; "Reed", \\n\nATTENDEE:mailto:eve@example.org\n\n🦆'
    assert str(event["summary"]) == one * 5
    assert "attendee" not in event


@pytest.mark.parametrize(
    "changes",
    [
        {"depart": None},
        {"starts_at": NOW, "ends_at": NOW},
        {"arrive": None, "depart": None, "starts_at": NOW, "ends_at": NOW},
    ],
)
def test_an_event_is_days_or_times_and_never_half_of_them(changes):
    values = {"uid_local": "a", "sequence": 0, "summary": "s", "location": "l"}
    days = {"arrive": STAY.arrive, "depart": STAY.depart}

    with pytest.raises(ValueError, match="two days"):
        CalendarEvent(**values | days | changes)


def test_a_process_that_writes_no_calendar_does_not_load_the_library(pytestconfig):
    check = "import sys, app.booking.calendars; sys.exit('icalendar' in sys.modules)"

    subprocess.run([sys.executable, "-c", check], check=True, cwd=pytestconfig.rootpath)
