"""Facts of a notice, kept as they are and worded in the language of whoever reads it.

A day is kept as a day and worded by CLDR; a text may be one for each language.
Nothing personal belongs here: a notice says the same to everybody.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from babel.dates import format_date, format_datetime

from app.core.languages import DEFAULT, current_language, current_locale

Fact = str | int | date | datetime | Mapping[str, str]
"""A day, an instant, a number, a text, or a text for each language: {"en": …, "de": …}."""


def keep(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Return facts as they are stored. Raises TypeError for what can't be worded again."""
    return {name: _keep(fact) for name, fact in facts.items()}


def _keep(fact: Fact) -> Any:
    if isinstance(fact, datetime):
        return {"instant": fact.astimezone(UTC).isoformat()}
    if isinstance(fact, date):
        return {"day": fact.isoformat()}
    if isinstance(fact, Mapping):
        return {"text": dict(fact)}
    if isinstance(fact, str | int):
        return fact
    raise TypeError(f"A fact can't be a {type(fact).__name__}.")


def worded(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return kept facts as texts in the current language."""
    return {name: _worded(fact) for name, fact in facts.items()}


def _worded(fact: Any) -> str:
    if not isinstance(fact, dict):
        return str(fact)
    if "day" in fact:
        return format_date(date.fromisoformat(fact["day"]), "long", current_locale())
    if "instant" in fact:
        instant = datetime.fromisoformat(fact["instant"])
        text = format_datetime(instant, "d MMMM y, HH:mm", locale=current_locale())
        return f"{text} UTC"
    texts: dict[str, str] = fact["text"]
    return texts.get(current_language()) or texts.get(DEFAULT) or next(iter(texts.values()), "")


def plainly(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return kept facts as values again: dates as dates, instants as instants."""
    return {name: _plainly(fact) for name, fact in facts.items()}


def _plainly(fact: Any) -> Any:
    if isinstance(fact, dict) and "day" in fact:
        return date.fromisoformat(fact["day"])
    if isinstance(fact, dict) and "instant" in fact:
        return datetime.fromisoformat(fact["instant"])
    return fact["text"] if isinstance(fact, dict) else fact
