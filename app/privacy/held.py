"""Everything held on a subject as a page shows it: values, why, since, until, who received it.

All of it comes from the data map: a column that is added is on the page. Each table costs
one statement, however many rows it has; a long one is shown in part, the newest first.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import url_for
from sqlalchemy.orm import selectinload

from app.accounts.disclosures import WHAT, Disclosed, of_persons
from app.booking.shop import zone_here
from app.core.database import db
from app.core.datamap import Purpose
from app.core.languages import N_, gettext, ngettext
from app.core.vault import PersonUnknown, vault
from app.policy import telling
from app.policy.drafts_publishing import PAGES
from app.policy.models import PRIVACY, TERMS, DocumentVersion
from app.policy.notice_models import Told
from app.policy.recipients import name_of
from app.privacy.retention import Until, remembering, until
from app.privacy.subjects import Subject
from app.privacy.tables import PersonTable, person_tables
from app.privacy.values import Value, instant_text, values_of
from app.privacy.words import (
    GROUPS,
    group_of,
    group_word,
    purpose_ground,
    purpose_word,
    purposes_of,
    table_word,
)

FEW = 5
"""Rows of a table on the page that shows all of them; the others are on pages of their own."""
PAGE_SIZE = 50
_TITLE = 40  # characters

_SINCE = (
    "created_at",
    "made_at",
    "asked_at",
    "agreed_at",
    "granted_at",
    "claimed_at",
    "saved_at",
    "opened_at",
    "issued_at",
    "shown_at",
    "first_at",
    "since",
    "at",
    "last_at",
)
"""The columns that say since when a row is there, the plainest first."""


DOCUMENTS = {TERMS: N_("Terms of booking"), PRIVACY: N_("Privacy policy")}


@dataclass(frozen=True, slots=True)
class Item:
    """One row: its values, since when it is held, and until when."""

    values: list[Value]
    since: datetime | None
    until: Until
    title: str  # its first words, for a list in which it is folded
    reference: str | None  # of a reservation, whose details can be corrected
    link: str = ""  # to the very text, in its language, of which it tells
    about: str = ""  # of what it tells, where a row only refers to that


@dataclass(frozen=True, slots=True)
class Shelf:
    """The rows of one table, why they are held, and who outside received some of it."""

    name: str
    word: str
    why: list[str]
    items: list[Item]
    received: list[str]
    more: bool  # there are older ones that aren't shown here


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs together to a person."""

    code: str
    word: str
    shelves: list[Shelf]


def held(subject: Subject, *, now: datetime) -> Iterator[Group]:
    """Return what is held, group by group; a group or table with nothing in it is left out."""
    vault().unlock(subject.person_ids)
    received = of_persons(subject.person_ids)
    tables = sorted(shown_tables(), key=lambda table: GROUPS.index(group_of(table)))
    found = []
    with remembering():
        for code, together in groupby(tables, group_of):
            shelves = [_shelf(table, subject, received, FEW, 0, now=now) for table in together]
            if shelves := [shelf for shelf in shelves if shelf.items]:
                found.append(Group(code, group_word(code), shelves))
    return iter(found)


def shelf_of(subject: Subject, name: str, page: int, *, now: datetime) -> Shelf | None:
    """Return one page of a table, the newest rows first; None for a name that is no table's.

    `page` counts from 1.
    """
    table = next((one for one in shown_tables() if one.name == name), None)
    if table is None:
        return None
    vault().unlock(subject.person_ids)
    received = of_persons(subject.person_ids)
    with remembering():
        return _shelf(table, subject, received, PAGE_SIZE, (page - 1) * PAGE_SIZE, now=now)


def shown_tables() -> list[PersonTable]:
    """Return the tables of which there is anything to show."""
    return [table for table in person_tables() if table.columns]


def why(table: PersonTable) -> list[str]:
    """Return why the rows of a table are held: each purpose with its legal ground."""
    return [because(purpose) for purpose in purposes_of(table)]


def because(purpose: Purpose) -> str:
    """Return a purpose and its ground as one line."""
    return gettext(
        "%(purpose)s – %(ground)s", purpose=purpose_word(purpose), ground=purpose_ground(purpose)
    )


def _shelf(
    table: PersonTable,
    subject: Subject,
    received: Collection[Disclosed],
    most: int,
    offset: int,
    *,
    now: datetime,
) -> Shelf:
    query = _newest_first(table, subject.person_ids).offset(offset).limit(most + 1)
    rows = db.session.scalars(query).all()
    zone, items = zone_here(), []
    for row in rows[:most]:
        try:
            values = values_of(table, row, zone)
        except PersonUnknown:
            continue  # its key was destroyed a moment ago: there is nothing of it to show
        names = [beginning(value.text) for value in values if value.names_it]
        about = _about(row)
        title = " · ".join([*filter(None, [about]), *names][:2])
        if not values and not title:
            title = gettext("kept, and never shown: it is a secret")
        items.append(
            Item(
                values,
                since_of(table, row),
                until(table, row, now=now),
                title,
                getattr(row, "reference", None),
                _text_url(row),
                about,
            )
        )
    return Shelf(
        table.name,
        table_word(table),
        why(table),
        _told_apart(items, zone),
        [_line(one) for one in received if concerns(one, table)],
        more=len(rows) > most,
    )


def beginning(text: str) -> str:
    """Return the first words of a text, and a sign where there are more."""
    if len(text) <= _TITLE:
        return text
    cut = text[:_TITLE]
    return f"{cut.rpartition(' ')[0] or cut}…"


def _told_apart(items: list[Item], zone: ZoneInfo) -> list[Item]:
    """Give rows that begin alike, as payments do, their sum and since when they are there."""
    alike = Counter(one.title for one in items)
    return [_with_sum_and_day(one, zone) if alike[one.title] > 1 else one for one in items]


def _with_sum_and_day(item: Item, zone: ZoneInfo) -> Item:
    sums = (value.text for value in item.values if value.field.name.endswith("_minor"))
    since = instant_text(item.since, zone) if item.since is not None else ""
    return replace(item, title=" · ".join(filter(None, [next(sums, ""), since, item.title])))


def _about(row: Any) -> str:
    """Return what a row is about where it only refers to that: a document, or what was told."""
    if isinstance(row, Told):
        return telling.subject_of(row.matter.kind, row.matter.facts)
    version = getattr(row, "version", None)
    if not isinstance(version, DocumentVersion):
        return ""
    return f"{gettext(DOCUMENTS[version.document])} {version.number}"


def _text_url(row: Any) -> str:
    """Return where the exact text is that a row is about, in the language it was read in."""
    version = getattr(row, "version", None)
    if not isinstance(version, DocumentVersion):
        return ""
    page = PAGES[version.document]
    return url_for(page, number=version.number, lang=version.language)


def _newest_first(table: PersonTable, person_ids: Collection[str]) -> sa.Select[Any]:
    query = table.rows(person_ids)
    # What a row refers to tells since when and until when it is there.
    relations = sa.inspect(table.model).relationships
    query = query.options(*(selectinload(relation.class_attribute) for relation in relations))
    keys = sa.inspect(table.model).primary_key
    owners = [table.model]
    if "__person__" not in vars(table.model):
        # The statement joins what the row belongs to.
        step = getattr(table.model, table.model.__path_to_person__.split(".")[0])
        owners.append(step.property.mapper.class_)
    for owner in owners:
        columns = owner.__table__.columns
        for name in _SINCE:
            if name in columns:
                return query.order_by(None).order_by(columns[name].desc(), *keys)
    return query


def since_of(table: PersonTable, row: Any) -> datetime | None:
    """Return since when a row is there: by its own word, or by that of what it came with.

    An account is there long before what is added to it, and tells nothing of that.
    """
    owners = [row]
    if "__person__" not in vars(table.model):
        step = table.model.__path_to_person__.split(".")[0]
        owners += [getattr(row, step)] if step != "account" else []
    for owner in owners:
        for name in _SINCE:
            found = getattr(owner, name, None)
            if isinstance(found, datetime):
                return found
    return None


def concerns(one: Disclosed, table: PersonTable) -> bool:
    """Tell whether somebody outside received something of a kind that a table holds."""
    kinds = {column.declared.kind for column in table.personal if column.declared}
    return one.what in WHAT and bool(kinds.intersection(WHAT[one.what][1]))


def _line(one: Disclosed) -> str:
    """Return who received something, how often, and when last."""
    words = {
        "who": name_of(one.recipient),
        "what": gettext(WHAT[one.what][0]),
        "day": instant_text(one.last_at, zone_here()),
    }
    if one.times == 1:
        return gettext("%(who)s: %(what)s; on %(day)s", **words)
    return ngettext(
        "%(who)s: %(what)s; %(num)d time, last on %(day)s",
        "%(who)s: %(what)s; %(num)d times, last on %(day)s",
        one.times,
        **words,
    )


def received_lines(received: Collection[Disclosed]) -> list[str]:
    """Return who received what, a line each, for who is told that a value was changed."""
    return [_line(one) for one in received if one.what in WHAT]


def until_text(item_until: Until, day_word: Any) -> str:
    """Return until when something is held, as one line; `day_word` words a date."""
    day: date | None = item_until.day
    if day is None:
        return item_until.words
    return gettext("%(day)s: %(rule)s", day=day_word(day), rule=item_until.words)
