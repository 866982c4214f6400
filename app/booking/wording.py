"""Dates, times, nights and people in words, by CLDR, in the current language.

Each text is made once and kept: a page of sixty prices and dates asks for the
same few again and again.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_interval, format_skeleton, format_time, get_day_names

from app.core.languages import BY_CODE, Manner, current_locale, current_manner, gettext, ngettext


class Somewhere(Protocol):
    """What has an address: the place, or who is responsible for it."""

    @property
    def address(self) -> Sequence[str]:
        """The lines, as its owner wrote them: often with the country, in their language."""

    @property
    def country(self) -> str:
        """ISO 3166-1."""


def where(place: Somewhere) -> tuple[str, ...]:
    """Return the lines of an address, the country last and as the reader calls it."""
    lines, code = tuple(place.address), place.country
    if not code:
        return lines
    names = {one.locale.territories.get(code, code).casefold() for one in BY_CODE.values()}
    if lines and lines[-1].strip().casefold() in names:
        lines = lines[:-1]
    return (*lines, str(current_locale().territories.get(code, code)))


@lru_cache(maxsize=8192)
def _date(day: date, style: str, manner: Manner) -> str:
    locale = manner.locale
    if style in ("full", "long", "medium"):
        text = format_date(day, style, locale=locale)
        # French writes the first of a month as an ordinal, which CLDR's patterns can't.
        first = manner.language.code == "fr" and day.day == 1
        return text.replace("1 ", "1er ", 1) if first else text
    return format_skeleton(style, datetime(day.year, day.month, day.day, tzinfo=UTC), locale=locale)


@lru_cache(maxsize=4096)
def _interval(first: date, last: date, skeleton: str, manner: Manner) -> str:
    return format_interval(first, last, skeleton, locale=manner.locale)


def full_day(day: date) -> str:
    """Return "Saturday, 14 November 2026"."""
    return _date(day, "full", current_manner())


def long_day(day: date) -> str:
    """Return "14 November 2026"."""
    return _date(day, "long", current_manner())


def short_day(day: date) -> str:
    """Return "Sat 14 Nov"."""
    return _date(day, "MMMEd", current_manner())


def month_title(day: date) -> str:
    """Return "November 2026"."""
    return _date(day, "yMMMM", current_manner())


def dates(arrive: date, depart: date, *, year: bool = True) -> str:
    """Return "13–15 Nov 2026", the days of arrival and departure."""
    return _interval(arrive, depart, "yMMMd" if year else "MMMd", current_manner())


@lru_cache(maxsize=4096)
def _clock(moment: datetime, zone: ZoneInfo, manner: Manner) -> str:
    return format_time(moment, "short", tzinfo=zone, locale=manner.locale)


def clock(moment: datetime, zone: ZoneInfo) -> str:
    """Return the wall time of an instant at the place: "14:32"."""
    return _clock(moment, zone, current_manner())


def day_and_time(moment: datetime, zone: ZoneInfo) -> str:
    """Return "Saturday, 14 November 2026, 09:30" by the place's clock."""
    local = moment.astimezone(zone)
    return gettext("%(day)s, %(time)s", day=full_day(local.date()), time=clock(moment, zone))


def last_day(end: datetime, zone: ZoneInfo) -> str:
    """Return the last day before an instant, by the place's calendar: "14 November 2026"."""
    return long_day((end - timedelta(seconds=1)).astimezone(zone).date())


@lru_cache(maxsize=16)
def _weekdays(manner: Manner) -> tuple[tuple[str, str], ...]:
    locale = manner.locale
    short, full = get_day_names("abbreviated", locale=locale), get_day_names("wide", locale=locale)
    return tuple((short[day].rstrip("."), full[day]) for day in range(7))


def weekdays() -> tuple[tuple[str, str], ...]:
    """Return (abbreviation, name) of the days of the week, Monday first."""
    return _weekdays(current_manner())


def nights(count: int) -> str:
    """Return "2 nights"."""
    return ngettext("%(num)d night", "%(num)d nights", count)


def party(adults: int, children: int) -> str:
    """Return "2 adults, 1 child"."""
    grown = ngettext("%(num)d adult", "%(num)d adults", adults)
    if not children:
        return grown
    small = ngettext("%(num)d child", "%(num)d children", children)
    return gettext("%(adults)s, %(children)s", adults=grown, children=small)
