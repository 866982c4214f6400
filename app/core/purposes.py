"""What the present unit of work may read: a personal value opens for a purpose, or not at all.

Every sealed column says for what it is held (D1). Every page, job, recurring piece of work
and command says for what it reads, in one table (`core.reading_for`); it is looked up by
what runs, so nobody has to remember it. Where the two have no purpose in common, the vault
raises `OutsidePurpose` under test; in production the value is opened, so that nobody's
booking fails by it, and that it was is noted, for the owner and for everybody to see (C17).
What isn't in the table reads nothing.

What this covers: every value that is sealed, wherever it is opened. What it doesn't: the
columns that the database itself must be able to read (`kept`, each with its reason: dates of
a stay, languages, times). A query reads them without asking anybody. Those that rest on a
yes (what was looked at, the log of pages) ask for that yes where they are read.
"""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any, AnyStr, NamedTuple

import click
import sqlalchemy as sa
from flask import Flask, Response, current_app, g, has_request_context, stream_with_context
from flask.cli import FlaskGroup
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Mapped

from app.core.database import Base, KeysBase, db, plain, reading, table
from app.core.datamap import Purpose, personal_columns

log = logging.getLogger(__name__)

Purposes = frozenset[Purpose]

NONE: Purposes = frozenset()
EVERYTHING: Purposes = frozenset(Purpose)
"""Of what shows, hands out or passes on all that is held of a person. Few: a test names them."""

PAGE, TOPIC, RECURRING, SWEEP, COMMAND = "page", "topic", "recurring", "sweep", "command"
OUTSIDE = "outside"

SHOWN = timedelta(days=30)
KEPT = timedelta(days=365)


class StrayReading(Base):
    """How often a field was opened on a day for something it isn't held for. Nobody is in it."""

    __tablename__ = "stray_reading"

    day: Mapped[date] = plain(primary_key=True)
    field: Mapped[str] = plain(sa.String(60), primary_key=True)  # "table.column"
    place: Mapped[str] = plain(sa.String(80), primary_key=True)  # "page owner.figures"
    purposes: Mapped[str] = plain(sa.String(300), primary_key=True)  # of that moment, in order
    count: Mapped[int] = plain()


_rows = table(StrayReading)


class OutsidePurpose(RuntimeError):
    """A field was to be opened for none of the purposes that it is held for."""

    def __init__(self, field: str, purposes: Purposes) -> None:
        """Name the field, and for what was being read; no value and no person."""
        super().__init__(f"{field} isn't held for: {_listed(purposes) or 'nothing'}")
        self.field = field
        self.purposes = purposes


class Unit(NamedTuple):
    """A unit of work: what runs, and for what it reads."""

    place: str
    purposes: Purposes


class Stray(NamedTuple):
    """A reading outside of a purpose, as it is counted."""

    field: str
    place: str
    purposes: str


_present: ContextVar[Unit | None] = ContextVar("unit", default=None)


@dataclass(frozen=True, slots=True)
class Declared:
    """For what each thing that runs reads; what isn't named reads nothing.

    A page is looked up by its endpoint, and else by its blueprint.
    """

    blueprints: Mapping[str, Purposes]
    pages: Mapping[str, Purposes]
    topics: Mapping[str, Purposes]
    recurring: Mapping[str, Purposes]
    sweeps: Mapping[str, Purposes]
    commands: Mapping[str, Purposes]

    def of(self, kind: str, name: str) -> Purposes:
        """Return for what something reads."""
        if kind == PAGE:
            found = self.pages.get(name)
            return self.blueprints.get(name.partition(".")[0], NONE) if found is None else found
        named = {
            TOPIC: self.topics,
            RECURRING: self.recurring,
            SWEEP: self.sweeps,
            COMMAND: self.commands,
        }
        return named[kind].get(name, NONE)


class Guard:
    """Knows for what each field is held, and looks at each reading.

    `strict` is for tests: what is outside raises, and work that no unit has begun, such as
    a test's own, may read everything.
    """

    def __init__(
        self, declared: Declared, held: Mapping[str, Iterable[Purpose]], *, strict: bool
    ) -> None:
        """Make it from what runs, and from fields beside the columns: {"table.column": …}."""
        self.declared = declared
        self.strict = strict
        self.strays: Counter[Stray] = Counter()
        self._lock = Lock()
        self._units: dict[tuple[str, str], Unit] = {}
        self._held = {
            f"{column.table.name}.{column.name}": frozenset(said.purposes)
            for column, said in personal_columns(Base.metadata, KeysBase.metadata)
        }
        self._held |= {field: frozenset(purposes) for field, purposes in held.items()}

    def unit(self, kind: str, name: str) -> Unit:
        """Return the unit of work that something runs as."""
        key = (kind, name)
        if key not in self._units:
            self._units[key] = Unit(f"{kind} {name}", self.declared.of(kind, name))
        return self._units[key]

    def held_for(self, field: str) -> Purposes:
        """Return for what a field is held; nothing for one that nobody declared."""
        return self._held.get(field.partition(":")[0], NONE)

    def check(self, field: str) -> None:
        """Look at a reading of `field`, "table.column", perhaps with ":" and a piece's number.

        Raises OutsidePurpose under test; counts it in production.
        """
        unit = _present.get()
        # The way of nearly all: two look-ups, for a page may open hundreds of values.
        if unit is not None and not self._held.get(field, NONE).isdisjoint(unit.purposes):
            return
        unit = unit or self._command()
        if unit is None and self.strict and not _is_over():
            return
        where = unit or Unit(OUTSIDE, NONE)
        if self.held_for(field).isdisjoint(where.purposes):
            self._refuse(field.partition(":")[0], where)

    def _command(self) -> Unit | None:
        """Return the unit of the command that runs, if one does."""
        context = click.get_current_context(silent=True)
        names: list[str] = []
        while context is not None:
            above = isinstance(context.command, FlaskGroup) or context.command is current_app.cli
            if not above:
                names.append(context.info_name or "")
            context = context.parent
        return self.unit(COMMAND, " ".join(reversed(names))) if names else None

    def _refuse(self, field: str, unit: Unit) -> None:
        with self._lock:
            self.strays[Stray(field, unit.place, _listed(unit.purposes))] += 1
        if self.strict:
            raise OutsidePurpose(field, unit.purposes)
        log.warning("a reading outside of its purpose: %s by %s", field, unit.place)

    def take(self) -> Counter[Stray]:
        """Return what was counted since the last time, and begin anew."""
        with self._lock:
            taken, self.strays = self.strays, Counter()
        return taken

    def put_back(self, strays: Counter[Stray]) -> None:
        """Keep what couldn't be written for the next time."""
        with self._lock:
            self.strays.update(strays)


def _listed(purposes: Purposes) -> str:
    return ", ".join(sorted(purposes))


def guard() -> Guard:
    """Return the app's guard."""
    found: Guard = current_app.extensions["purposes"]
    return found


@contextmanager
def unit(kind: str, name: str) -> Iterator[None]:
    """Run what is inside as a unit of work, which reads for what the table says of it."""
    token = _present.set(guard().unit(kind, name))
    try:
        yield
    finally:
        _present.reset(token)


# -- Requests and app contexts ------------------------------------------------------------


def init_app(
    app: Flask, declared: Declared, held: Mapping[str, Iterable[Purpose]], *, strict: bool
) -> Guard:
    """Have every request be a unit of work, and write down what was outside.

    To be called before the database's own `init_app`: so its session is gone when this
    writes, and can't be waited for.
    """
    made = Guard(declared, held, strict=strict)
    app.extensions["purposes"] = made
    app.teardown_appcontext(_write_at_the_end)
    app.url_value_preprocessor(_begin)  # before everything else that is done for a request
    app.after_request(_write_after_the_response)
    app.teardown_request(_end)
    return made


def _begin(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    g.pop("strays_wait", None)
    g.pop("unit_is_over", None)
    g.unit_before = _present.get()
    _present.set(guard().unit(PAGE, endpoint or "-"))


def _end(_error: BaseException | None) -> None:
    # A thread serves many requests: nothing may be left behind. A job that only stands in
    # for a request, to make links, has begun none, and stays the unit of work that it is.
    if "unit_before" in g:
        _present.set(g.pop("unit_before"))
        g.unit_is_over = True


def _is_over() -> bool:
    """Whether a request's unit of work has ended, and its answer is still being made."""
    return has_request_context() and bool(g.get("unit_is_over"))


def streamed(pieces: Iterable[AnyStr]) -> Iterator[AnyStr]:
    """Return an answer's pieces, each made as what the present request reads for.

    A server asks for them when the request is over and its thread may have begun others:
    so the unit of work is there while a piece is made, and not between two.
    """
    return stream_with_context(_in_unit(iter(pieces), _present.get()))


def _in_unit(pieces: Iterator[AnyStr], begun: Unit | None) -> Iterator[AnyStr]:
    try:
        while True:
            token = _present.set(begun)
            try:
                piece = next(pieces)
            except StopIteration:
                return
            finally:
                _present.reset(token)
            yield piece
    finally:
        if isinstance(pieces, Generator):
            pieces.close()


def _write_after_the_response(response: Response) -> Response:
    found = guard()
    if found.strays and not found.strict:
        g.strays_wait = True  # nobody waits for it; what a stream reads comes later still
        engine, day = db.engine, _today()
        response.call_on_close(lambda: write(found, engine, day))
    return response


def _write_at_the_end(_error: BaseException | None) -> None:
    found = guard()
    if found.strays and not found.strict and not g.get("strays_wait"):
        write(found, db.engine, _today())


def _today() -> date:
    clock: Callable[[], datetime] = current_app.extensions["clock"]
    return clock().date()


def write(found: Guard, engine: Engine, day: date) -> None:
    """Write down what was counted, in a transaction of its own. Raises nothing."""
    strays = found.take()
    before = reading.set(False)  # what was done may only have read; this is beside it
    try:
        with engine.begin() as connection:
            for stray, count in strays.items():
                _add(connection, day, stray, count)
            connection.execute(sa.delete(_rows).where(_rows.c.day < day - KEPT))
    except sa.exc.SQLAlchemyError as error:  # the work is done, and mustn't fail by this
        found.put_back(strays)
        log.error("stray readings weren't noted: %s", type(error).__name__)  # noqa: TRY400
    finally:
        reading.reset(before)


def _add(connection: Connection, day: date, stray: Stray, count: int) -> None:
    insert = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = insert(_rows).values(day=day, count=count, **stray._asdict())
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_rows.c.day, _rows.c.field, _rows.c.place, _rows.c.purposes],
            set_={"count": _rows.c.count + statement.excluded["count"]},
        )
    )


# -- What is to be seen of it -------------------------------------------------------------


def how_many(now: datetime) -> sa.Select[Any]:
    """Return the statement that counts the readings outside of a purpose in the last 30 days."""
    since = now.date() - SHOWN
    return sa.select(sa.func.coalesce(sa.func.sum(_rows.c.count), 0)).where(_rows.c.day > since)


def strays(now: datetime, *, most: int = 50) -> list[StrayReading]:
    """Return the readings outside of a purpose in the last 30 days, newest first."""
    query = sa.select(StrayReading).where(_rows.c.day > now.date() - SHOWN)
    order = (_rows.c.day.desc(), _rows.c.count.desc(), _rows.c.field, _rows.c.place)
    return list(db.session.scalars(query.order_by(*order).limit(most)))
