"""The pages in a download, which open without a network: all that is held, and the receipts.

They are streamed from their templates: a row is read when its place in the page comes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import current_app
from markupsafe import Markup

from app.accounts.disclosures import of_persons
from app.booking import wording
from app.booking.shop import zone_here
from app.core.languages import BY_CODE, current_language
from app.privacy.export.reading import Reader, shown_tables
from app.privacy.held import concerns, received_lines, since_of, until_text, why
from app.privacy.retention import until
from app.privacy.tables import PersonTable
from app.privacy.values import Value, instant_text, values_of
from app.privacy.words import GROUPS, group_of, group_word, table_word

_CSS = Path(__file__).with_name("offline.css")


@dataclass(frozen=True, slots=True)
class Item:
    """One row as the page shows it."""

    values: list[Value]
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rows of one table, read as they are asked for."""

    name: str
    word: str
    why: list[str]
    received: list[str]
    items: Iterable[Item]


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs together to a person."""

    code: str
    word: str
    shelves: Iterable[Shelf]


@cache
def style() -> Markup:
    """Return the one style of a page that stands by itself."""
    return Markup("<style>\n{}</style>").format(Markup(_CSS.read_text()))  # noqa: S704 (our file)


def render(template: str, **values: Any) -> Iterator[str]:
    """Yield a page or a text from its template, in the current language.

    It isn't a page of the site: nothing of a request is in it.
    """
    made = current_app.jinja_env.get_template(f"privacy/export/{template}")
    tag = BY_CODE[current_language()].tag
    return made.generate(style=style(), html_lang=tag, **values)


def index_pieces(reader: Reader, *, site: str, now: datetime) -> Iterator[str]:
    """Yield `index.html`: everything, grouped as a person thinks of it."""
    received = of_persons(reader.person_ids)
    return render(
        "index.html",
        site=site,
        made_at=instant_text(now, zone_here()),
        groups=(
            Group(code, group_word(code), _shelves(reader, code, received, now)) for code in GROUPS
        ),
        received=received_lines(received),
        headings=[(code, group_word(code)) for code in GROUPS],
    )


def _shelves(reader: Reader, code: str, received: Any, now: datetime) -> Iterator[Shelf]:
    for table in shown_tables():
        if group_of(table) == code:
            lines = received_lines([one for one in received if concerns(one, table)])
            items = _items(reader, table, now)
            yield Shelf(table.name, table_word(table), why(table), lines, items)


def _items(reader: Reader, table: PersonTable, now: datetime) -> Iterator[Item]:
    zone = zone_here()
    # What a row refers to tells since when and until when it is there.
    relations = [one.key for one in sa.inspect(table.model).relationships]
    for row in reader.sources(table, relations):
        since = since_of(table, row)
        yield Item(
            values_of(table, row, zone),
            instant_text(since, zone) if since else "",
            until_text(until(table, row, now=now), wording.long_day),
        )
