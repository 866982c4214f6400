"""A timetable as people say it, and as the lines of RFC 5545 that the site keeps.

"From 1 May, Tuesdays and Saturdays at 9:30 and 14:00, until the end of October, but not
on the 3rd": what the fields of a form hold. Rules that say more than that are kept as
they are, and not shown as less than they are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_RULE = re.compile(
    r"RRULE:FREQ=WEEKLY;BYDAY=(?P<days>[A-Z,]+);BYHOUR=(?P<hours>[\d,]+);BYMINUTE=(?P<minute>\d+)"
    r"(?:;UNTIL=(?P<until>\d{8}))?"
)
_SKIPPED = re.compile(r"EXDATE;VALUE=DATE:(?P<days>[\d,]+)")


@dataclass(frozen=True, slots=True)
class Timetable:
    """Starts by the wall clock of the place; weekdays from 0, Monday."""

    first: date
    until: date | None
    weekdays: tuple[int, ...]
    times: tuple[time, ...]
    skipped: tuple[date, ...] = ()

    @property
    def starts(self) -> str:
        """The first start, as the offer keeps it."""
        return f"{datetime.combine(self.first, min(self.times)):%Y-%m-%dT%H:%M}"

    @property
    def rules(self) -> str:
        """The lines of RFC 5545: one for each minute of the hour, for rules multiply out."""
        days = ",".join(DAYS[day] for day in sorted(self.weekdays))
        end = f";UNTIL={self.until:%Y%m%d}" if self.until else ""
        lines = []
        for minute in sorted({one.minute for one in self.times}):
            hours = ",".join(str(one.hour) for one in sorted(self.times) if one.minute == minute)
            lines.append(f"RRULE:FREQ=WEEKLY;BYDAY={days};BYHOUR={hours};BYMINUTE={minute}{end}")
        if self.skipped:
            skipped = ",".join(f"{day:%Y%m%d}" for day in sorted(set(self.skipped)))
            lines.append(f"EXDATE;VALUE=DATE:{skipped}")
        return "\n".join(lines)


def read_timetable(starts: str, rules: str) -> Timetable | None:
    """Return what the fields of a form show; None for rules that say more than they can."""
    found: list[re.Match[str]] = []
    skipped: list[date] = []
    for line in filter(None, map(str.strip, rules.splitlines())):
        if rule := _RULE.fullmatch(line):
            found.append(rule)
        elif left_out := _SKIPPED.fullmatch(line):
            skipped += _dates(left_out["days"])
        else:
            return None
    if not found or len({(rule["days"], rule["until"]) for rule in found}) != 1:
        return None
    times = [
        time(int(hour), int(rule["minute"])) for rule in found for hour in rule["hours"].split(",")
    ]
    until = found[0]["until"]
    made = Timetable(
        datetime.fromisoformat(starts).date(),
        _dates(until)[0] if until else None,
        tuple(DAYS.index(day) for day in found[0]["days"].split(",")),
        tuple(sorted(times)),
        tuple(skipped),
    )
    return made if made.starts == starts else None


def read_times(text: str) -> tuple[time, ...]:
    """Return times of day such as "9:30, 14:00", sorted. Raises ValueError."""
    found: set[time] = set()
    for part in re.split(r"[,;，、\s]+", text.strip()):
        clock = re.fullmatch(r"(\d{1,2})[:.](\d{2})", part)
        if clock is None:
            raise ValueError(part)
        found.add(time(int(clock[1]), int(clock[2])))
    return tuple(sorted(found))


def write_times(times: Sequence[time]) -> str:
    """Return times of day as a field shows them."""
    return ", ".join(f"{one:%H:%M}" for one in times)


def _dates(text: str) -> list[date]:
    return [date.fromisoformat(part) for part in text.split(",")]
