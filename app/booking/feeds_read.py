"""Reading a partner's calendar: which nights it says are taken, and nothing else of it.

What events are called, and what they tell, is left out before anything is read: other
people's names stand there. A calendar is believed as a whole or not at all: one that ends
too soon, or has something in it that can't be followed, would give nights back that are taken.

Source: RFC 5545. Where programs differ from it, the more careful reading is taken: nights are
kept from guests rather than given away.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

from app.booking.feeds import nights_of
from app.booking.inventory import ONE_NIGHT
from app.booking.schedule import BadSchedule, NeverStarts, Schedule
from app.core.errors import DomainError
from app.core.languages import N_

Values = Mapping[str, Any]
"""What icalendar read of an event, by the names of RFC 5545."""

MOST_EVENTS = 5_000
MOST_RECURRING = 100
MOST_SECONDS = 10.0
_MOST_DAYS = 3_700  # of one event; what lies outside the window is cut off anyway
_DEEPEST = 8
# All that is looked at of an event. What it is called and tells isn't among it.
_LOOKED_AT = re.compile(
    r"(UID|DTSTART|DTEND|DURATION|RRULE|RDATE|EXDATE|RECURRENCE-ID|STATUS|TRANSP)[;:]",
    re.IGNORECASE,
)
_LINE_END = re.compile("\r\n|\n|\r")
_FOLD = re.compile("(?:\r\n|\n|\r)[ \t]")


class Unreadable(DomainError):
    """A calendar can't be read; `code` says why: "garbage", "cut", "many", "rule" or "dates"."""

    message = N_("The calendar couldn’t be read.")

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


@dataclass(frozen=True, slots=True)
class Reading:
    """How a calendar is read: by the clock of the place, for the nights of [first, last)."""

    zone: ZoneInfo
    check_in: clock_time
    first: date
    last: date
    is_own: Callable[[str], bool]
    ends: float = field(default_factory=lambda: time.monotonic() + MOST_SECONDS)

    def wall(self, moment: date | datetime) -> date | datetime:
        """Return a day, or the wall time at the place; a time without a zone is one already."""
        if not isinstance(moment, datetime):
            return moment
        local = moment.astimezone(self.zone) if moment.tzinfo else moment
        return local.replace(tzinfo=None, second=0, microsecond=0, fold=0)

    def nights(self, start: date | datetime, end: date | datetime) -> tuple[date, date]:
        """Return the nights that somebody has who is there from a start to an end.

        Who is still there when guests may come has that night too. An end that isn't after
        the start is one that the program got wrong: then it is one night.
        """
        first, until = _day(start), _day(end)
        if isinstance(end, datetime) and end.time() > self.check_in:
            until += ONE_NIGHT
        return first, max(until, first + ONE_NIGHT)


def read(content: bytes, how: Reading) -> set[date]:
    """Return the nights that a calendar says are taken. Raises Unreadable."""
    events = [_event(lines) for lines in _events(content)]
    if sum("RRULE" in one or "RDATE" in one for one in events) > MOST_RECURRING:
        raise Unreadable("many")
    instead: dict[str, list[Any]] = {}
    for one in events:
        if "RECURRENCE-ID" in one:
            instead.setdefault(str(one.get("UID", "")), []).append(one["RECURRENCE-ID"])
    found: set[date] = set()
    for one in events:
        if time.monotonic() > how.ends:
            raise Unreadable("many")
        if _counts(one, how):
            try:
                spans = list(_spans(one, how, instead))
            except (ValueError, OverflowError, AttributeError, TypeError) as error:
                raise Unreadable("dates") from error
            found |= nights_of(
                (max(a, how.first), min(b, how.last)) for a, b in spans if b > how.first
            )
    return found


def _events(content: bytes) -> Iterator[list[str]]:
    """Yield the lines of each event that are looked at. Raises Unreadable.

    The calendar must be whole: one that was cut off has fewer events than are taken.
    """
    text = _FOLD.sub("", content.decode("utf-8-sig", errors="replace"))
    lines = [line.strip() for line in _LINE_END.split(text)]
    lines = [line for line in lines if line]
    if not lines or lines[0].upper() != "BEGIN:VCALENDAR":
        raise Unreadable("garbage")
    inside: list[str] = []
    number, kept = 0, list[str]()
    for line in lines:
        word, _, name = line.partition(":")
        name = name.strip().upper()
        if word.upper() == "BEGIN":
            inside.append(name)
            if len(inside) > _DEEPEST:
                raise Unreadable("garbage")
            number += name == "VEVENT"
            kept = [] if inside == ["VCALENDAR", "VEVENT"] else kept
        elif word.upper() == "END":
            if not inside or inside.pop() != name:
                raise Unreadable("garbage")
            if inside == ["VCALENDAR"] and name == "VEVENT":
                yield kept
        elif inside == ["VCALENDAR", "VEVENT"] and _LOOKED_AT.match(line):
            kept.append(line)
        if number > MOST_EVENTS:
            raise Unreadable("many")
    if inside:
        raise Unreadable("cut")


def _event(lines: list[str]) -> Values:
    # Late: it takes some 60 ms to import, and only the worker reads calendars.
    from icalendar import Event

    text = "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])
    try:
        found: Any = Event.from_ical(text)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unreadable("dates") from error
    # What it couldn't read it leaves out, and notes: then nobody knows what was taken.
    if found.errors or "DTSTART" not in found or isinstance(found["DTSTART"], list):
        raise Unreadable("dates")
    values: Values = found
    return values


def _counts(event: Values, how: Reading) -> bool:
    """Whether an event takes anything: not what is called off, free, or our own come back."""
    return (
        str(event.get("STATUS", "")).upper() != "CANCELLED"
        and str(event.get("TRANSP", "")).upper() != "TRANSPARENT"
        and not how.is_own(str(event.get("UID", "")))
    )


def _spans(
    event: Values, how: Reading, instead: dict[str, list[Any]]
) -> Iterator[tuple[date, date]]:
    start = how.wall(event["DTSTART"].dt)
    end = _end(event, start, how)
    if not ("RRULE" in event or "RDATE" in event) or "RECURRENCE-ID" in event:
        yield how.nights(start, end)
        return
    length = end - start if type(end) is type(start) else timedelta(days=1)
    if length.days > _MOST_DAYS:
        raise Unreadable("dates")
    others = instead.get(str(event.get("UID", "")), [])
    if any(str(one.params.get("RANGE", "")).upper() == "THISANDFUTURE" for one in others):
        raise Unreadable("rule")
    for begins in _starts(event, start, [how.wall(one.dt) for one in others], length, how):
        yield how.nights(begins, begins + length)


def _end(event: Values, start: date | datetime, how: Reading) -> date | datetime:
    if "DTEND" in event:
        end = how.wall(event["DTEND"].dt)
    elif "DURATION" in event:
        length: timedelta = event["DURATION"].dt
        end = start + length
    else:
        return start + ONE_NIGHT if not isinstance(start, datetime) else start
    # A day in one and a time in the other: both as days.
    if isinstance(start, datetime) != isinstance(end, datetime):
        return _day(end) if not isinstance(start, datetime) else datetime.combine(end, clock_time())
    return end


def _starts(
    event: Values,
    start: date | datetime,
    others: list[date | datetime],
    length: timedelta,
    how: Reading,
) -> Iterator[date | datetime]:
    """Yield when a recurring event starts; those that another event stands for are left out."""
    is_day = not isinstance(start, datetime)
    # Days are unrolled as midnights of a zone whose clocks never change.
    zone = ZoneInfo("UTC") if is_day else how.zone
    lines = [
        *_rules(event),
        *(f"RDATE:{_written(one)}" for one in [start, *_dates(event, "RDATE", how)]),
        *(f"EXDATE:{_written(one)}" for one in [*_dates(event, "EXDATE", how), *others]),
    ]
    first = start if isinstance(start, datetime) else datetime.combine(start, clock_time())
    try:
        plan = Schedule(first, "\n".join(lines), zone, 1)
    except NeverStarts:
        yield start  # the first one counts in any case
        return
    except BadSchedule as error:
        raise Unreadable("rule") from error
    begin = how.first - timedelta(days=length.days + 2)
    while begin < how.last:
        end = min(begin + timedelta(days=700), how.last)
        for one in plan.occurrences(begin, end - ONE_NIGHT):
            local = one.local.replace(tzinfo=None)
            yield local.date() if is_day else local
        begin = end


def _rules(event: Values) -> Iterator[str]:
    rules = event.get("RRULE", [])
    for one in rules if isinstance(rules, list) else [rules]:
        yield f"RRULE:{one.to_ical().decode()}"


def _dates(event: Values, name: str, how: Reading) -> Iterator[date | datetime]:
    listed = event.get(name, [])
    for group in listed if isinstance(listed, list) else [listed]:
        for one in group.dts:
            # A period counts by its start: its length is seldom another.
            moment = one.dt[0] if isinstance(one.dt, tuple) else one.dt
            yield how.wall(moment)


def _written(moment: date | datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M00" if isinstance(moment, datetime) else "%Y%m%d")


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
