"""Every personal value of the database, looked for in what anybody may read (C22, C23).

Whatever is public goes through `leaks`: a page, a feed, a file. What its person agreed to
have shown, item by item, is left out, as long as they do.
"""

import html
import json
from collections.abc import Iterator

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.consent.models import PersonPermission
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import PersonUnknown, vault
from app.guestbook.reviews_models import PublicReview
from app.privacy.tables import person_tables

_LEAST = 4
# Of what is one of a few values anybody may have, nothing can be told: a language, a number.
_SAYS_NOTHING = frozenset({Kind.LANGUAGE, Kind.CHOICE, Kind.PERMISSION, Kind.PAYMENT})
# One of a few words of ours, chosen from a list.
_CODES = frozenset({"review.named", "stay_wish.bed"})


def personal_values(app: Flask) -> dict[str, set[str]]:
    """Return {table.column: texts} of everybody: names, addresses, words, references, keys."""
    found: dict[str, set[str]] = {}
    with app.app_context():
        persons = list(db.session.scalars(sa.select(Person.id)))
        vault().unlock(persons)
        for one in person_tables():
            for row in db.session.scalars(one.rows(persons)):
                for field in one.columns:
                    if field.declared and field.declared.kind in _SAYS_NOTHING:
                        continue
                    if field.path in _CODES:
                        continue
                    try:
                        value = getattr(row, field.attribute)
                    except PersonUnknown:
                        continue
                    sealed = field.declared is not None and not field.declared.readable
                    if sealed or field.name == "reference":
                        found.setdefault(field.path, set()).update(_texts(value))
        found["person.id"] = set(persons)
    return found


def _texts(value: object) -> Iterator[str]:
    """Yield a value's parts that are long enough to be somebody's, a name's parts by themselves."""
    if not isinstance(value, str):
        return
    try:
        inner = json.loads(value)
    except ValueError:
        inner = None
    if isinstance(inner, dict):
        for part in inner.values():
            yield from _texts(part)
        return
    for part in {value, *value.split("\n"), *(value.split() if len(value) <= 40 else ())}:
        if len(part.strip()) >= _LEAST:
            yield part.strip()


def agreed(app: Flask) -> set[str]:
    """Return the texts of the items that their persons agree to have shown, at this moment."""
    with app.app_context():
        query = sa.select(PublicReview.item).join(
            PersonPermission,
            sa.and_(
                PersonPermission.person_id == PublicReview.person_id,
                PersonPermission.recipient == PublicReview.recipient,
                PersonPermission.ended_at.is_(None),
            ),
        )
        items = [json.loads(item) for item in db.session.scalars(query)]
    return {part for item in items for value in item.values() for part in _texts(value)}


def leaks(app: Flask, content: str, *, but: set[str] | None = None) -> dict[str, set[str]]:
    """Return {table.column: texts} of what stands in `content` and nobody agreed to.

    `but`: texts that the place itself says, such as the word of a language's name.
    """
    shown = html.unescape(content)
    allowed = agreed(app) | (but or set())
    return {
        path: found
        for path, texts in personal_values(app).items()
        if (found := {text for text in texts - allowed if text in shown})
    }
