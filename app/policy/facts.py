"""Facts that the documents state, read from the constants that the code runs on (C06).

A text says "{hold_time}", never "35 minutes": when the constant moves, the text
that was published is no longer true, and publishing says so. Durations are
worded by CLDR, in the language of the text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from babel import Locale
from babel.dates import format_timedelta
from babel.lists import format_list

from app.accounts import mail_links, readings
from app.accounts.sessions import (
    ABSOLUTE_LIMIT,
    HOUSE_ABSOLUTE_LIMIT,
    HOUSE_IDLE_LIMIT,
    IDLE_LIMIT,
    SESSION,
)
from app.consent.chain import PROOF_YEARS
from app.consent.register import (
    ACTIVITY_MONTHS,
    BASKET,
    CHOICE,
    CHOICE_MONTHS,
    PREFERENCES,
    STATISTICS,
    SUGGESTIONS,
)
from app.core.languages import current_locale


@dataclass(frozen=True, slots=True)
class Months:
    """A span of calendar months."""

    count: int


@dataclass(frozen=True, slots=True)
class Hours:
    """A span that the law counts in hours, and that stays so: 72 hours, not 3 days."""

    count: int


Fact = str | int | timedelta | Months | Hours

AUTHORITY_WITHIN = timedelta(hours=72)
"""Until when an authority is told of a breach, since it was known (GDPR, Article 33(1))."""

_UNITS: tuple[tuple[Literal["day", "hour", "minute"], timedelta], ...] = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)
# Never to the next unit by rounding: 22 hours are not a day.
_NEVER = 1e9
_declared: dict[str, Fact] = {}


class FactMissing(LookupError):
    """A text names a fact that nothing in the code declares."""


def declare(name: str, fact: Fact) -> None:
    """Let a feature above this one state a fact of its own, such as how long it holds.

    Raises ValueError when it was declared before, with another value.
    """
    if _declared.setdefault(name, fact) != fact:
        raise ValueError(f"There are two values of {name}.")


def facts() -> Mapping[str, Fact]:
    """Return every fact by its name in the texts.

    None of them depends on the installation: a text reads the same at home and in
    production, and isn't another one because an address changed.
    """
    return {
        "basket_cookie": BASKET.name,
        "basket_cookie_life": timedelta(seconds=BASKET.seconds or 0),
        "session_cookie": SESSION.name,
        "session_idle": IDLE_LIMIT,
        "session_longest": ABSOLUTE_LIMIT,
        "house_session_idle": HOUSE_IDLE_LIMIT,
        "house_session_longest": HOUSE_ABSOLUTE_LIMIT,
        "told_life": mail_links.LIFE[mail_links.TOLD],
        "request_life": mail_links.LIFE[mail_links.VERIFY],
        "reading_life": Months(readings.KEPT_MONTHS),
        "choice_cookie": CHOICE.name,
        "preferences_cookie": PREFERENCES.name,
        "statistics_cookie": STATISTICS.name,
        "suggestions_cookie": SUGGESTIONS.name,
        "choice_life": Months(CHOICE_MONTHS),
        "activity_life": Months(ACTIVITY_MONTHS),
        "proof_life": Months(12 * PROOF_YEARS),
        "incident_clock": Hours(AUTHORITY_WITHIN // timedelta(hours=1)),
        "number_of_cookies": 2,  # of version 1, before there was anything to choose
        **_declared,
    }


class _Said(dict[str, str]):
    """Facts as they are said, each worded when a text first names it."""

    def __init__(self, known: Mapping[str, Fact], locale: Locale) -> None:
        super().__init__()
        self._known, self._locale = known, locale

    def __missing__(self, name: str) -> str:
        self[name] = said = worded(self._known[name], self._locale)
        return said


def filled(text: str, locale: Locale) -> str:
    """Return a text with its {facts} filled in, worded for a locale.

    Raises FactMissing, naming it.
    """
    try:
        return text.format_map(_Said(facts(), locale))
    except KeyError as error:
        raise FactMissing(error.args[0]) from error


def say(name: str) -> str:
    """Return a fact as a page says it, in the current language. Raises KeyError for none."""
    return worded(facts()[name], current_locale())


def worded(fact: Fact, locale: Locale) -> str:
    """Return a fact as a text says it; a duration exactly, down to the minute."""
    if isinstance(fact, Months):
        # Babel counts thirty days a month.
        span = timedelta(days=30 * fact.count)
        return format_timedelta(span, granularity="month", threshold=_NEVER, locale=locale)
    if isinstance(fact, Hours):
        span = timedelta(hours=fact.count)
        return format_timedelta(span, granularity="hour", threshold=_NEVER, locale=locale)
    if not isinstance(fact, timedelta):
        return str(fact)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, fact = divmod(fact, size)
        if count:
            parts.append(
                format_timedelta(count * size, granularity=unit, threshold=_NEVER, locale=locale)
            )
    return format_list(parts, style="standard", locale=locale)
