"""A value of a person's row as a text for people: instants, amounts, addresses, codes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from app.booking import wording
from app.booking.cancellation import BadPolicy
from app.booking.shop import zone_here
from app.booking.summary import deadlines, percent
from app.core.datamap import Kind
from app.core.languages import LANGUAGES, current_language, current_locale, gettext
from app.privacy.tables import Field, PersonTable
from app.privacy.value_words import code_word
from app.privacy.words import field_word, kind_word
from app.web.addresses import format_address
from app.web.pages import money

_SHORT = 60
_NOTHING: tuple[Any, ...] = (None, "", b"")


@dataclass(frozen=True, slots=True)
class Value:
    """One value as a page shows it; of a secret there is only that it is kept."""

    field: Field
    word: str
    text: str
    secret: bool = False
    names_it: bool = False  # a text by which a row is known again among others


def values_of(table: PersonTable, row: Any, zone: ZoneInfo) -> list[Value]:
    """Return what is held in a row, in the order of its columns; what is empty isn't held.

    Raises PersonUnknown for the row of somebody whose key is gone.
    """
    shown = []
    for field in table.columns:
        if field.is_secret:
            # Looked at under its seal: the page never opens it.
            if getattr(row, _sealed_attribute(table, field)) not in _NOTHING:
                kept = gettext("kept, and never shown: it is a secret")
                shown.append(Value(field, field_word(field), kept, secret=True))
            continue
        value = getattr(row, field.attribute)
        if field.declared is None and not value:
            continue  # a count of none, or a no: nothing is held by it
        text = "" if value in _NOTHING or value in ([], {}) else text_of(field, value, row, zone)
        if text:
            known_by = isinstance(value, str | dict) and len(text) <= _SHORT
            shown.append(Value(field, field_word(field), text, names_it=known_by))
    return shown


def instant_text(moment: datetime, zone: ZoneInfo) -> str:
    """Return an instant as "14 Nov 2026, 09:30"."""
    local = moment.astimezone(zone)
    return str(format_datetime(local, "medium", tzinfo=zone, locale=current_locale()))


def text_of(field: Field, value: Any, row: Any, zone: ZoneInfo) -> str:
    """Return a value as a text; numbers of minor units as money where a currency is known."""
    if (say := _SAID.get(field.path)) is not None:
        try:
            return say(value, row)
        except (BadPolicy, KeyError, TypeError, ValueError):
            return _flat_text(str(value))  # of an older make, or damaged: as it is kept
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, datetime):
        return instant_text(value, zone)
    if isinstance(value, date):
        return wording.long_day(value)
    if isinstance(value, int):
        currency = _currency(row) if field.name.endswith("_minor") else ""
        return money(value, currency) if currency else str(value)
    if isinstance(value, (dict, list)):
        return _flat(value)
    text = str(value)
    if field.declared is None or not text.startswith(("{", "[")):
        return _flat_text(text) if text.startswith(("{", "[")) else code_word(field.path, text)
    return _address(text) if field.declared.kind in _ADDRESSES else _flat_text(text)


def _terms(_kept: str, reservation: Any) -> str:
    """Return the terms of cancelling as they were promised on the day of booking."""
    return " ".join(deadlines(reservation, now=reservation.created_at))


def _nights(kept: list[tuple[str, int]], line: Any) -> str:
    currency = _currency(line)
    return gettext(", ").join(
        gettext(
            "%(day)s: %(line)s",
            day=wording.long_day(date.fromisoformat(night)),
            line=money(minor, currency),
        )
        for night, minor in kept
    )


def _rate(basis_points: int, _line: Any) -> str:
    return percent(basis_points)


def _kinds(kept: list[str], _row: Any) -> str:
    """Return kinds of data in words."""
    return gettext(", ").join(dict.fromkeys(kind_word(Kind(kind)) for kind in kept))


def _half_minute(count: int, _account: Any) -> str:
    """Return when a code from an app was good: they are counted since 1970, two a minute."""
    return instant_text(datetime.fromtimestamp(count * 30, UTC), zone_here())


_SAID: dict[str, Callable[[Any, Any], str]] = {
    "account.totp_step": _half_minute,
    "incident_person.kinds": _kinds,
    "incident_person.sealed_kinds": _kinds,
    "reservation.cancellation": _terms,
    "reservation_line.nightly": _nights,
    "reservation_line.vat_bp": _rate,
}
"""What is kept for a program to read, said for people; the copy to take along has it as it is."""

_ADDRESSES = (Kind.BILLING_ADDRESS, Kind.SHIPPING_ADDRESS)


def _sealed_attribute(table: PersonTable, field: Field) -> str:
    sealed = f"_{field.attribute}"
    return sealed if hasattr(table.model, sealed) else field.attribute


def _currency(row: Any) -> str:
    for owner in (row, getattr(row, "payment", None), getattr(row, "reservation", None)):
        found = getattr(owner, "currency", None)
        if found:
            return str(found)
    return ""


def _address(text: str) -> str:
    parsed = json.loads(text)
    if (
        isinstance(parsed, dict)
        and "country" in parsed
        and all(isinstance(part, str) for part in parsed.values())
    ):
        return gettext(", ").join(format_address(parsed, current_locale()))
    return _flat(parsed)


def _flat_text(text: str) -> str:
    try:
        return _flat(json.loads(text))
    except ValueError:
        return text


def _flat(value: Any) -> str:
    return " · ".join(_leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts in a structure; of a text in all languages only that of the page."""
    if isinstance(value, dict):
        if value and set(value) <= set(LANGUAGES):
            yield str(value.get(current_language()) or next(iter(value.values())))
            return
        for key, one in value.items():
            parts = list(_leaves(one))
            if parts:
                yield f"{key.replace('_', ' ')}: {', '.join(parts)}"
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value not in (None, ""):
        yield str(value)
