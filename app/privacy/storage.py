"""What is stored, on a visitor's device and with us: from the registers of the code (C11).

Cookies come from the register that the gate enforces, and so does what a button stores;
tables from the data map, periods from the rules that the purge runs on. A real browser is
compared with all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from app.consent.register import ABOUT, ON_REQUEST, REGISTER
from app.core.database import Base, KeysBase
from app.core.datamap import Kind, Personal, Retention, declaration, tables_in_order
from app.core.languages import N_, current_locale, gettext
from app.policy.facts import worded
from app.privacy.laws import Law
from app.privacy.retention import RULES
from app.privacy.tables import person_tables
from app.privacy.words import GROUPS, group_of, group_word, kind_word, table_word
from app.web.cookies import Cookie, cookie_name
from app.web.pages import settings

ON_DEVICE: Final = (
    (
        N_("Local and session storage, databases in the browser"),
        N_("Nothing. No script of ours writes there."),
    ),
    (
        N_("Pages in the browser’s cache"),
        N_("Public pages are asked for anew each time; pages about you are never kept."),
    ),
)
SERVER_LOG: Final = (
    N_("time, method, pattern of the address, status and how long it took"),
    N_("no network address, no browser, no page that you came from, nothing that you typed"),
)


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A cookie as the page shows it."""

    name: str
    category: str
    purpose: str
    life: str
    clause: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of ours that holds something of persons."""

    name: str
    words: str
    kinds: tuple[str, ...]
    sealed: int  # how many of its personal columns are sealed
    readable: int  # and how many the database can read
    periods: tuple[str, ...]


def cookies() -> list[OnDevice]:
    """Return every cookie that may ever be set, in the order of the register."""
    return [
        OnDevice(
            cookie_name(settings(), cookie.name),
            gettext(ABOUT[cookie.category].title),
            gettext(cookie.purpose),
            _life(cookie),
            cookie.clause,
        )
        for cookie in REGISTER
    ]


def _life(cookie: Cookie) -> str:
    if cookie.seconds is None:
        return gettext("until the browser is closed")
    return worded(timedelta(seconds=cookie.seconds), current_locale())


def on_device() -> Iterator[tuple[str, str]]:
    """Yield what else could lie on a device, and what of it does."""
    for what, said in ON_DEVICE:
        yield gettext(what), gettext(said)
    for stored in ON_REQUEST:
        yield gettext(stored.purpose), gettext(stored.kept)


def groups(law: Law) -> list[tuple[str, list[Table]]]:
    """Return the tables that hold something of persons, grouped as the page of one's data."""
    said = {rule: RULES[rule].say(law) for rule in Retention}
    found: dict[str, list[Table]] = {}
    for one in person_tables():
        declared = [column.declared for column in one.personal if column.declared is not None]
        group = group_word(group_of(one))
        found.setdefault(group, []).append(_table(one.name, table_word(one), declared, said))
    order = [group_word(group) for group in GROUPS]
    return sorted(found.items(), key=lambda pair: order.index(pair[0]))


def without_way(law: Law) -> list[Table]:
    """Return the tables whose personal columns lead to nobody: pseudonyms, proofs and keys."""
    said = {rule: RULES[rule].say(law) for rule in Retention}
    found = []
    for table, declared in _strays({one.name for one in person_tables()}):
        kinds = dict.fromkeys(kind_word(one.kind) for one in declared)
        found.append(_table(table.name, " · ".join(kinds), declared, said))
    return found


def _strays(known: set[str]) -> Iterator[tuple[sa.Table, list[Personal]]]:
    """Yield the tables with personal columns that lead to nobody, with what those declare."""
    for base in (Base, KeysBase):
        for table in tables_in_order(base.metadata):
            declared = [
                one for column in table.columns if isinstance(one := declaration(column), Personal)
            ]
            if declared and table.name not in known:
                yield table, declared


def counted() -> tuple[int, int]:
    """Return how many tables there are in both databases, and how many hold nothing of persons."""
    tables = [table for base in (Base, KeysBase) for table in tables_in_order(base.metadata)]
    known = {one.name for one in person_tables()}
    personal = known | {table.name for table, _ in _strays(known)}
    return len(tables), sum(1 for table in tables if table.name not in personal)


def _table(name: str, words: str, declared: list[Personal], said: dict[Retention, str]) -> Table:
    kinds: list[Kind] = list(dict.fromkeys(one.kind for one in declared))
    readable = sum(1 for one in declared if one.readable)
    return Table(
        name,
        words,
        tuple(map(kind_word, kinds)),
        len(declared) - readable,
        readable,
        tuple(dict.fromkeys(said[one.retention] for one in declared)),
    )
