"""Reading a hotel's booking history, for `flask replay`.

The columns are those of "Hotel booking demand datasets" (N. Antonio, A. de Almeida,
L. Nunes, Data in Brief 22, 2019), as CSV or gzipped CSV. A row that no hotel could have
meant is named with its reason; it never ends the reading.
"""

import csv
import gzip
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import TextIO

NIGHTS_MOST = 1_000
_RATE_MOST = 10_000_000


class HistoryUnreadable(Exception):
    """The file is no history of bookings; the message says why."""


class _Invalid(ValueError):
    """A row that no hotel could have meant; the message is the reason."""


@dataclass(frozen=True, slots=True)
class PastStay:
    """One row: a stay as it was booked. `line` is where it ends in the file."""

    line: int
    offer: str
    arrive: date
    depart: date
    adults: int
    children: int
    nightly_minor: int
    created: date
    cancelled: date | None


@dataclass(slots=True)
class History:
    """What a file tells: its stays in their order, and the rows that can't be."""

    rows: int = 0
    stays: list[PastStay] = field(default_factory=list)
    invalid: list[tuple[int, str]] = field(default_factory=list)  # line of the file, reason


@dataclass(slots=True)
class Day:
    """What happened on one day, as places in the list of stays."""

    created: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)


_COLUMNS = (
    "hotel",
    "reserved_room_type",
    "is_canceled",
    "lead_time",
    "arrival_date_year",
    "arrival_date_month",
    "arrival_date_day_of_month",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "children",
    "babies",
    "adr",
    "reservation_status_date",
)
# Not from the calendar module, which speaks the language of the machine.
_MONTHS = {
    "January": 1,
    "February": 2,
    "March": 3,
    "April": 4,
    "May": 5,
    "June": 6,
    "July": 7,
    "August": 8,
    "September": 9,
    "October": 10,
    "November": 11,
    "December": 12,
}
_UNKNOWN = {"", "NA", "NULL"}


def read_history(path: Path) -> History:
    """Read a file, CSV or gzipped CSV. Raises HistoryUnreadable where it is neither."""
    try:
        with _opened(path) as file:
            return _read(file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise HistoryUnreadable(f"{path.name} can't be unpacked.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise HistoryUnreadable(f"{path.name} is not a CSV file in UTF-8.") from error


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield file


def _read(file: TextIO) -> History:
    lines = csv.reader(file)
    header = [name.strip() for name in next(lines, [])]
    absent = [name for name in _COLUMNS if name not in header]
    if absent:
        raise HistoryUnreadable(f"There is no column {', '.join(absent)}.")
    pick = itemgetter(*(header.index(name) for name in _COLUMNS))
    history = History()
    for record in lines:
        if not record:
            continue
        history.rows += 1
        try:
            history.stays.append(_stay(lines.line_num, pick(record)))
        except IndexError:
            history.invalid.append((lines.line_num, "too few columns"))
        except _Invalid as reason:
            history.invalid.append((lines.line_num, str(reason)))
    return history


def _stay(line: int, values: tuple[str, ...]) -> PastStay:
    """Return a row, its values in the order of _COLUMNS, as a stay. Raises _Invalid."""
    hotel, room, cancelled, lead, year, month, day, weekend, week = values[:9]
    adults, children, babies, rate, status_date = values[9:]
    nights, grown = _number(weekend) + _number(week), _number(adults)
    nightly, lead_days = _minor(rate), _number(lead)
    young = sum(_number(text) for text in (children, babies) if text not in _UNKNOWN)
    offer = f"{hotel.strip()} {room.strip()}".strip()
    for wrong, reason in (
        (nights < 1, "no night"),
        (grown < 1, "no adult"),
        (nightly < 0, "negative rate"),
        (nights > NIGHTS_MOST, "too many nights"),
        (not offer, "no offer"),
        (cancelled not in {"0", "1"}, "neither kept nor cancelled"),
    ):
        if wrong:
            raise _Invalid(reason)
    try:
        arrive = date(int(year), _MONTHS.get(month) or int(month), int(day))
        created = arrive - timedelta(days=lead_days)
        depart = arrive + timedelta(days=nights)
        until = max(date.fromisoformat(status_date), created) if cancelled == "1" else None
    except (ValueError, OverflowError) as error:
        raise _Invalid("unreadable date") from error
    return PastStay(line, offer, arrive, depart, grown, young, nightly, created, until)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise _Invalid("unreadable number")
    return int(text)


@lru_cache(maxsize=20_000)
def _minor(text: str) -> int:
    """Return a rate in minor units, half a cent rounded up. Raises _Invalid."""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite() or abs(rate) > _RATE_MOST:
        raise _Invalid("unreadable number")
    if rate < 0:
        return -1
    return int((rate * 100).quantize(Decimal(1), ROUND_HALF_UP))


def days_of(stays: Sequence[PastStay]) -> dict[date, Day]:
    """Return what happened, by day and in order."""
    days: defaultdict[date, Day] = defaultdict(Day)
    for place, stay in enumerate(stays):
        days[stay.created].created.append(place)
        if stay.cancelled:
            days[stay.cancelled].cancelled.append(place)
    return dict(sorted(days.items()))


def peaks(stays: Sequence[PastStay], days: dict[date, Day]) -> dict[str, int]:
    """Return for each offer how many live stays met on one night, were nothing refused."""
    live: Counter[tuple[str, int]] = Counter()
    most: Counter[str] = Counter()
    for day in days.values():
        for places, by in ((day.created, 1), (day.cancelled, -1)):
            for place in places:
                stay = stays[place]
                offer = stay.offer
                for night in range(stay.arrive.toordinal(), stay.depart.toordinal()):
                    live[offer, night] += by
                    most[offer] = max(most[offer], live[offer, night])
    return dict(most)
