"""Readings outside of a purpose: a live fact beside clause C17 of the policy (D1)."""

from collections.abc import Iterator
from datetime import datetime

from app.core import purposes
from app.core.database import db
from app.core.languages import gettext, ngettext
from app.policy.checks import Line, shows


def words(number: int) -> str:
    """Return how many readings outside of a purpose there were in the last 30 days."""
    if not number:
        return gettext("Readings outside a purpose in the last 30 days: none.")
    return ngettext(
        "In the last 30 days a value was read outside its purpose once.",
        "In the last 30 days values were read outside their purpose %(num)d times.",
        number,
    )


def _strays(now: datetime) -> Iterator[Line]:
    yield Line(words(int(db.session.scalar(purposes.how_many(now)) or 0)))


shows("C17", _strays)
