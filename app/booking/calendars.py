"""Calendar files: what was booked, for the guest's own calendar.

A file says what, when and where. It names nobody, because calendars are synchronised
to other companies and shared with other people.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from icalendar import Component, Event, Timezone

PRODUCT = "-//Reserved//Reservations//EN"


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One line of a reservation: days from `arrive` to `depart`, or a start and an end.

    `uid_local` names the line for ever (a second file updates the first), `sequence` counts
    its changes: a cancellation needs a higher one than the file it takes back. `starts_at`
    and `ends_at` are aware and written in `zone`. `summary`, `location` and `description`
    are the place's own words: no name, address or note of a guest.

    Raises ValueError unless there are either both days or both times and a zone.
    """

    uid_local: str
    sequence: int
    summary: str
    location: str
    description: str = ""
    url: str = ""
    arrive: date | None = None
    depart: date | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    zone: ZoneInfo | None = None

    def __post_init__(self) -> None:
        days = [value is not None for value in (self.arrive, self.depart)]
        times = [value is not None for value in (self.starts_at, self.ends_at, self.zone)]
        if not (all(days) and not any(times)) and not (all(times) and not any(days)):
            raise ValueError("an event has two days, or two times and a zone")


def calendar_file(
    events: Iterable[CalendarEvent],
    *,
    host: str,
    now: datetime,
    cancelled: bool = False,
    organizer: str | None = None,
) -> bytes:
    """Return an .ics file of these events, or one that takes them back if `cancelled`.

    `host` is that of the site and ends each UID; `now` is aware. `organizer` is the public
    mail address of the place, never a guest's.

    Source: RFC 5545 for the format (UTF-8, CRLF, lines of 75 octets), RFC 5546 for
    PUBLISH and CANCEL, which ask for an organizer.
    """
    # Late: it takes some 60 ms to import, and few requests ask for a calendar.
    from icalendar import Calendar

    events = list(events)
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    for zone, (first, last) in _zones(events).items():
        calendar.add_component(_timezone(zone, first, last))
    for event in events:
        component = _component(event, host)
        component.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
        component.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        if organizer:
            component.add("organizer", f"mailto:{_plain(organizer)}")
        calendar.add_component(component)
    content: bytes = calendar.to_ical()
    return content


def calendar_pieces(
    events: Iterable[tuple[CalendarEvent, bool]],
    *,
    host: str,
    now: datetime,
    zones: Mapping[ZoneInfo, tuple[int, int]],
) -> Iterator[bytes]:
    """Yield an .ics file of any length in pieces: events, each with whether it is cancelled.

    `zones` has every zone that a time is written in, with the first and the last year.
    """
    # Late: it takes some 60 ms to import, and few requests ask for a calendar.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for zone, (first, last) in zones.items():
        calendar.add_component(_timezone(zone, first, last))
    yield calendar.to_ical().removesuffix(_END)
    for event, cancelled in events:
        component = _component(event, host)
        component.add("dtstamp", now.astimezone(UTC).replace(microsecond=0))
        component.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        yield component.to_ical()
    yield _END


_END = b"END:VCALENDAR\r\n"


def _component(event: CalendarEvent, host: str) -> "Event":
    # Late: it takes some 60 ms to import, and few requests ask for a calendar.
    from icalendar import Event

    component = Event()
    component.add("uid", _plain(f"{event.uid_local}@{host}"))
    component.add("sequence", event.sequence)
    component.add("summary", _text(event.summary))
    for name, value in (("location", event.location), ("description", event.description)):
        if value:
            component.add(name, _text(value))
    if event.url:
        component.add("url", _plain(event.url))
    moments = _moments(event)
    if moments is None:
        # Half open, as calendars have it too: the day of departure stays free.
        component.add("dtstart", event.arrive)
        component.add("dtend", event.depart)
    else:
        component.add("dtstart", moments[0])
        component.add("dtend", moments[1])
    return component


def _moments(event: CalendarEvent) -> tuple[datetime, datetime] | None:
    """Return start and end of a session in its zone, or in UTC where that can't be said.

    A wall time that comes twice in autumn is read as the first one (RFC 5545, 3.3.5), so
    one that is the second has no other way to be written.
    """
    if event.starts_at is None or event.ends_at is None or event.zone is None:
        return None
    moments = event.starts_at.astimezone(event.zone), event.ends_at.astimezone(event.zone)
    if any(moment.fold for moment in moments):
        return event.starts_at.astimezone(UTC), event.ends_at.astimezone(UTC)
    return moments


def _zones(events: list[CalendarEvent]) -> dict[ZoneInfo, tuple[int, int]]:
    """Return the zones that times are written in, each with the years it is needed for."""
    years: dict[ZoneInfo, list[int]] = {}
    for event in events:
        for moment in _moments(event) or ():
            if isinstance(moment.tzinfo, ZoneInfo) and moment.tzinfo.key != "UTC":
                years.setdefault(moment.tzinfo, []).append(moment.year)
    return {zone: (min(found), max(found)) for zone, found in years.items()}


@lru_cache(maxsize=64)
def _timezone(zone: ZoneInfo, first: int, last: int) -> "Timezone":
    """Return the definition of a zone for some years: how it begins, and each change.

    Our own, because icalendar 7.3 gives the start of summer time by the clock after the
    change, where RFC 5545 (3.6.5) has it by the clock before: an hour late.
    """
    # Late: it takes some 60 ms to import, and few requests ask for a calendar.
    from icalendar import Timezone

    timezone = Timezone()
    timezone.add("tzid", zone.key)
    begin = datetime(first - 1, 12, 1, tzinfo=UTC)
    timezone.add_component(_observance(begin, begin, zone))
    for day in range((date(last + 1, 2, 1) - begin.date()).days):
        before = begin + timedelta(days=day)
        after = before + timedelta(days=1)
        if _rules(before, zone) != _rules(after, zone):
            timezone.add_component(_observance(*_change(before, after, zone), zone))
    return timezone


def _rules(instant: datetime, zone: ZoneInfo) -> tuple[timedelta | None, timedelta | None]:
    local = instant.astimezone(zone)
    return local.utcoffset(), local.dst()


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the last second before a change of the clocks, and the first one after it."""
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if _rules(middle, zone) == _rules(before, zone):
            before = middle
        else:
            after = middle
    return before, after


def _observance(before: datetime, after: datetime, zone: ZoneInfo) -> "Component":
    # Late: it takes some 60 ms to import, and few requests ask for a calendar.
    from icalendar import TimezoneDaylight, TimezoneStandard

    old, new = before.astimezone(zone), after.astimezone(zone)
    offset = old.utcoffset()
    assert offset is not None
    observance = TimezoneDaylight() if new.dst() else TimezoneStandard()
    observance.add("dtstart", (after + offset).replace(tzinfo=None))
    observance.add("tzoffsetfrom", offset)
    observance.add("tzoffsetto", new.utcoffset())
    observance.add("tzname", new.tzname())
    return observance


def _text(text: str) -> str:
    """Return a text without what RFC 5545 allows in no text: controls but for tab and newline.

    Half a character (a lone surrogate) can't be written as UTF-8 and goes too. Commas,
    semicolons, backslashes and line breaks are escaped by the library.
    """
    # U+2028 and U+2029 are allowed, but some readers take them for the end of the line.
    lines = re.sub("\r\n|[\r\u2028\u2029]", "\n", text)
    return "".join(c for c in lines if c in "\t\n" or unicodedata.category(c) not in {"Cc", "Cs"})


def _plain(text: str) -> str:
    """Return a text for a place where nothing is escaped: one line, and no spaces."""
    return "".join(_text(text).split())
