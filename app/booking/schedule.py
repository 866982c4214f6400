"""When sessions start: recurrence rules on the wall clock of the place, as real instants.

"Tuesdays at nine" stays at nine when the clocks change. So a rule is unrolled on
naive wall times, and only then does each start become an instant:

- A wall time that the clocks skip in spring moves forward by what they skip: 02:30
  becomes 03:30 (RFC 5545, section 3.3.5).
- A wall time that comes twice in autumn means the first of the two (same section).
- A length is time that really passes. Ninety minutes across a change are ninety
  minutes, whatever the clock on the wall says at the end.

The server's own time zone is never asked.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, rrulestr

from app.core.errors import DomainError
from app.core.languages import N_

# Nothing starts outside these years, so that a date typed into an address can be any date.
FIRST_YEAR, LAST_YEAR = 1900, 2999
# The widest window one call unrolls: two years and a bit.
DAYS_MOST = 800

_RULES_MOST = 20_000  # characters
_DATES_MOST = 1_000
_STARTS_A_DAY = 48
_MINUTES_MOST = 7 * 24 * 60
_MONTHS_KEPT = 64
_DAY = timedelta(days=1)


class BadSchedule(DomainError):
    """Rules that can't be read as a timetable."""

    message = N_("That timetable can’t be read. Please check its days, times and dates.")


class StartsTooOften(BadSchedule):
    """More starts in a day than a day has room for."""

    message = N_("That timetable starts too often. Starts in one day, at most: %(most)d.")


class NeverStarts(BadSchedule):
    """Rules that no day ever meets, like the 30th of February."""

    message = N_("With that timetable nothing would ever start. Please check its days.")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One start. `starts_at` and `ends_at` in UTC, `local` the start in the zone of the place."""

    starts_at: datetime
    ends_at: datetime
    local: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """A timetable: a first start, rules, a zone and a length in minutes.

    `starts` is naive, the wall time of the first start. `rules` are lines of RFC 5545,
    RRULE, RDATE and EXDATE, with the wall times of the same place; without any
    RRULE there is the one start, and with one, `starts` counts if the rule meets it.
    A day alone in EXDATE leaves out all of that day.

    Raises BadSchedule, or one of its kinds: StartsTooOften, NeverStarts.
    """

    starts: datetime
    rules: str
    zone: ZoneInfo
    minutes: int
    _series: tuple["_Series", ...] = field(init=False, repr=False, compare=False)
    _added: tuple[datetime, ...] = field(init=False, repr=False, compare=False)
    _left_out: frozenset[datetime | date] = field(init=False, repr=False, compare=False)
    # Months already unrolled, for the pages that ask for the same ones all day.
    _months: dict[tuple[int, int], tuple[Occurrence, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        if self.starts.tzinfo is not None:
            raise ValueError("the first start is a wall time, without a zone")
        if (
            self.starts != self.starts.replace(second=0, microsecond=0)
            or not FIRST_YEAR <= self.starts.year <= LAST_YEAR
            or not 1 <= self.minutes <= _MINUTES_MOST
            or len(self.rules) > _RULES_MOST
        ):
            raise BadSchedule

        series, added, left_out = _read(self.rules, self.starts, self.zone)
        if sum(one.starts_a_day for one in series) > _STARTS_A_DAY:
            raise StartsTooOften(most=_STARTS_A_DAY)
        object.__setattr__(self, "_series", series)
        object.__setattr__(self, "_added", added if series else (self.starts, *added))
        object.__setattr__(self, "_left_out", left_out)

    def occurrences(self, first: date, last: date) -> list[Occurrence]:
        """Return the starts from one local date to another, both included, in their order.

        Raises ValueError for more than DAYS_MOST days at once.
        """
        first = max(first, date(FIRST_YEAR, 1, 1))
        last = min(last, date(LAST_YEAR, 12, 31))
        if (last - first).days >= DAYS_MOST:
            raise ValueError(f"more than {DAYS_MOST} days at once: {first} to {last}")
        return [
            one
            for year, month in _months_between(first, last)
            for one in self._month(year, month)
            if first <= one.local.date() <= last
        ]

    def at(self, starts_at: datetime) -> Occurrence | None:
        """Return the start at that instant (timezone-aware), or None if nothing starts then."""
        if starts_at.tzinfo is None:
            raise ValueError("an instant has a zone")
        if not FIRST_YEAR < starts_at.year < LAST_YEAR:
            return None
        instant = starts_at.astimezone(UTC)
        day = instant.astimezone(self.zone).date()
        return next((one for one in self.occurrences(day, day) if one.starts_at == instant), None)

    def _month(self, year: int, month: int) -> tuple[Occurrence, ...]:
        found = self._months.get((year, month))
        if found is None:
            found = tuple(self._unroll(year, month))
            if len(self._months) >= _MONTHS_KEPT:
                self._months.clear()
            self._months[year, month] = found
        return found

    def _unroll(self, year: int, month: int) -> list[Occurrence]:
        # A day more on either side: a skipped hour, and once on Samoa a whole skipped
        # day, moves a start to another date.
        low = datetime(year, month, 1) - _DAY  # noqa: DTZ001 (a wall time)
        high = low + _DAY * (monthrange(year, month)[1] + 2)
        walls = {wall for one in self._series for wall in one.between(low, high)}
        walls.update(wall for wall in self._added if low <= wall < high)

        # By instant: two wall times can become one, 02:30 and 03:30 in spring.
        found: dict[datetime, Occurrence] = {}
        for wall in walls:
            if wall in self._left_out or wall.date() in self._left_out:
                continue
            starts_at = _instant(wall, self.zone)
            local = starts_at.astimezone(self.zone)
            if (local.year, local.month) == (year, month):
                ends_at = starts_at + timedelta(minutes=self.minutes)
                found[starts_at] = Occurrence(starts_at, ends_at, local)
        return [found[starts_at] for starts_at in sorted(found)]


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall time, in UTC.

    With fold=0 Python reads a skipped time with the offset from before the change, which
    moves it forward by the gap, and takes the first of two equal ones: what RFC 5545 asks.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _months_between(first: date, last: date) -> Iterator[tuple[int, int]]:
    for index in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield index // 12, index % 12 + 1


# --- Reading the rules -------------------------------------------------------------------


def _listed(item: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{item})(?:,(?:{item}))*")


# The parts of RFC 5545 that a timetable for people needs. BYSECOND, BYYEARDAY and BYWEEKNO
# are left out on purpose.
_PARTS = {
    "FREQ": re.compile("DAILY|WEEKLY|MONTHLY|YEARLY"),
    "INTERVAL": re.compile("[1-9][0-9]{0,2}"),
    "COUNT": re.compile("[1-9][0-9]{0,3}"),
    "UNTIL": re.compile("[0-9]{8}(T[0-9]{6}Z?)?"),
    "BYMONTH": _listed("[1-9]|1[0-2]"),
    "BYMONTHDAY": _listed("[+-]?(?:[1-9]|[12][0-9]|3[01])"),
    "BYDAY": _listed("(?:[+-]?(?:[1-9]|[1-4][0-9]|5[0-3]))?(?:MO|TU|WE|TH|FR|SA|SU)"),
    "BYHOUR": _listed("[01]?[0-9]|2[0-3]"),
    "BYMINUTE": _listed("[0-5]?[0-9]"),
    "BYSETPOS": _listed("[+-]?[1-9][0-9]?"),
    "WKST": re.compile("MO|TU|WE|TH|FR|SA|SU"),
}
_DATE = re.compile("[0-9]{8}")
_DATE_TIME = re.compile("[0-9]{8}T[0-9]{4}00Z?")

_Dates = list[datetime | date]


def _read(
    rules: str, starts: datetime, zone: ZoneInfo
) -> tuple[tuple["_Series", ...], tuple[datetime, ...], frozenset[datetime | date]]:
    """Read lines of RFC 5545. Raises BadSchedule."""
    series: list[_Series] = []
    added: _Dates = []
    left_out: _Dates = []
    unfolded = re.sub(r"\r?\n[ \t]", "", rules)
    for line in filter(None, map(str.strip, unfolded.upper().splitlines())):
        head, _, value = line.partition(":")
        name, *parameters = head.split(";")
        if name == "RRULE" and not parameters:
            series.append(_series(value, starts, zone))
        elif name == "RDATE":
            added += _dates(value, parameters, zone)
        elif name == "EXDATE":
            left_out += _dates(value, parameters, zone)
        else:
            raise BadSchedule
    if len(added) + len(left_out) > _DATES_MOST:
        raise BadSchedule
    # A day alone in RDATE is one more day at the usual time.
    walls = (
        wall if isinstance(wall, datetime) else datetime.combine(wall, starts.time())
        for wall in added
    )
    return tuple(series), tuple(walls), frozenset(left_out)


def _dates(value: str, parameters: list[str], zone: ZoneInfo) -> _Dates:
    known = {"VALUE=DATE", "VALUE=DATE-TIME", f"TZID={zone.key.upper()}"}
    if not known.issuperset(parameters):
        raise BadSchedule
    return [_date(item, zone) for item in value.split(",")]


def _date(item: str, zone: ZoneInfo) -> datetime | date:
    """Read a date, or a date and time as a wall time; "Z" is an instant and is converted."""
    try:
        if _DATE.fullmatch(item):
            found = datetime.strptime(item, "%Y%m%d").date()  # noqa: DTZ007 (a date)
        elif _DATE_TIME.fullmatch(item):
            found = datetime.strptime(item[:15], "%Y%m%dT%H%M%S")  # noqa: DTZ007 (a wall time)
        else:
            raise BadSchedule
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise BadSchedule
        if isinstance(found, datetime) and item.endswith("Z"):
            return found.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
        return found
    except ValueError as error:
        raise BadSchedule from error


def _series(value: str, starts: datetime, zone: ZoneInfo) -> "_Series":
    parts = _parts(value)
    count = parts.pop("COUNT", None)
    until = parts.pop("UNTIL", None)
    if count and until:
        raise BadSchedule
    frequency = parts["FREQ"]
    if frequency in {"MONTHLY", "YEARLY"} and not parts.keys() & {"BYDAY", "BYMONTHDAY"}:
        # Said aloud, so that the rule can be continued from any month.
        parts["BYMONTHDAY"] = str(starts.day)
        if frequency == "YEARLY":
            parts.setdefault("BYMONTH", str(starts.month))

    try:
        rule = rrulestr(";".join(f"{k}={v}" for k, v in parts.items()), dtstart=starts)
    except ValueError as error:
        raise BadSchedule from error
    assert isinstance(rule, rrule)
    if not _ever_starts(rule, starts):
        raise NeverStarts

    ends = None if until is None else _end(_date(until, zone))
    counted = None if count is None else tuple(islice(_upto(rule, LAST_YEAR), int(count)))
    if (ends is not None and next(iter(rule)) > ends) or counted == ():
        raise NeverStarts
    hours, minutes = parts.get("BYHOUR", ""), parts.get("BYMINUTE", "")
    return _Series(
        rule=rule,
        frequency=_FREQUENCIES[frequency],
        interval=int(parts.get("INTERVAL", "1")),
        starts=starts,
        until=ends,
        counted=counted,
        starts_a_day=len(set(hours.split(","))) * len(set(minutes.split(","))),
    )


def _parts(value: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in value.split(";"):
        name, _, content = part.partition("=")
        if name == "FREQ" and content in {"SECONDLY", "MINUTELY", "HOURLY"}:
            raise StartsTooOften(most=_STARTS_A_DAY)
        if name in parts or name not in _PARTS or not _PARTS[name].fullmatch(content):
            raise BadSchedule
        parts[name] = content
    # What RFC 5545 forbids, and readers of calendars take each in their own way.
    frequency = parts.get("FREQ")
    nth_day = any(character.isdigit() for character in parts.get("BYDAY", ""))
    if (
        frequency is None
        or (nth_day and frequency not in {"MONTHLY", "YEARLY"})
        or (frequency == "WEEKLY" and "BYMONTHDAY" in parts)
    ):
        raise BadSchedule
    return parts


def _end(until: datetime | date) -> datetime:
    """Return the last wall time of a series; a date alone means all of that day."""
    return until if isinstance(until, datetime) else datetime.combine(until, time.max)


def _upto(rule: rrule, year: int) -> Iterator[datetime]:
    return takewhile(lambda wall: wall.year <= year, rule)


def _ever_starts(rule: rrule, starts: datetime) -> bool:
    """Whether any day meets the rule.

    The search only ends with the calendar, in 9999: three seconds for each day's sake.
    But the calendar repeats every 400 years, weekdays included, so we search from as
    late as we can.
    """
    late = starts.replace(year=starts.year + (9599 - starts.year) // 400 * 400)
    return next(iter(rule.replace(dtstart=late)), None) is not None


# --- Unrolling them ----------------------------------------------------------------------

_FREQUENCIES = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
_MONTHS = {MONTHLY: 1, YEARLY: 12}


@dataclass(frozen=True, slots=True)
class _Series:
    """One RRULE. Its end is kept beside the rule, because what has a COUNT can't be skipped."""

    rule: rrule
    frequency: int
    interval: int
    starts: datetime
    until: datetime | None
    counted: tuple[datetime, ...] | None
    starts_a_day: int

    def between(self, low: datetime, high: datetime) -> list[datetime]:
        """Return the wall times in [low, high)."""
        if self.counted is not None:
            return [wall for wall in self.counted if low <= wall < high]
        if high <= self.starts or (self.until is not None and self.until < low):
            return []
        begun = takewhile(lambda wall: wall < high, self._from(low))
        return [w for w in begun if w >= low and (self.until is None or w <= self.until)]

    def _from(self, low: datetime) -> rrule:
        """Return the rule as it goes on shortly before `low`.

        dateutil counts up from the first start, and a daily series from ten years ago
        costs 7 ms for each month shown. Moved on by whole intervals it is the same rule;
        by one fewer than would fit, because the first week of a rule is a short one.
        """
        if self.frequency in _MONTHS:
            step = self.interval * _MONTHS[self.frequency]
            months = (low.year - self.starts.year) * 12 + low.month - self.starts.month
            skip = (months // step - 1) * step
            index = self.starts.year * 12 + self.starts.month - 1 + skip
            moved = self.starts.replace(year=index // 12, month=index % 12 + 1, day=1)
        else:
            step = self.interval * (7 if self.frequency == WEEKLY else 1)
            skip = ((low - self.starts).days // step - 1) * step
            moved = self.starts + timedelta(days=skip)
        return self.rule.replace(dtstart=moved) if skip > 0 else self.rule
