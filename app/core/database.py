"""The database: one base, columns that declare themselves, and units of work.

A unit of work either reads or writes. In a web request a safe method (GET,
HEAD) reads: SQLite is told `query_only` and PostgreSQL `READ ONLY`, so a page
that writes by accident fails at once. Everything else writes, and on SQLite
takes the write lock up front (`BEGIN IMMEDIATE`): a reader that turns writer
half-way loses updates silently or fails under load.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column

from app.core.datamap import INTERNAL, NOT_PERSONAL, PERSON_LINK, Personal

# Without names, Alembic doesn't see that a constraint is gone, and can't drop it.
NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
# Milliseconds that SQLite waits for others who write, and PostgreSQL for each lock.
_BUSY = 15_000
PATIENCE_OF_PAGES = 5_000
"""Somebody waits for a page, and a server's few threads with them."""
_AS_LONG_AS_IT_TAKES = 24 * 60 * 60 * 1000
# Milliseconds after which PostgreSQL ends what a page began and didn't go on with: a machine
# that has vanished would keep its locks for hours. A reader of a download may stop for a while.
_LEFT_ALONE = 5 * 60 * 1000
_HURRIED = 250  # for what can as well be written down the next time

KEYS = "keys"
"""The bind key of the second, small database that holds the persons' keys."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant, stored and returned as aware UTC.

    Raises ValueError for a naive value: it would be read back as another
    instant on a machine in another zone.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return an instant as it is stored, in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("An instant must be aware of its zone.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return a stored instant, aware; SQLite keeps no zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_TYPES: dict[Any, Any] = {
    datetime: UtcDateTime(),
    dict[str, Any]: sa.JSON(),
    list[Any]: sa.JSON(),
}


class Base(DeclarativeBase):
    """The base of every model in the book."""

    registry = sa.orm.registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map=_TYPES,
    )
    metadata = registry.metadata


class KeysBase(DeclarativeBase):
    """The base of the tables in the keys' database: keys, their indexes, and two ledgers."""

    registry = sa.orm.registry(
        metadata=sa.MetaData(naming_convention=NAMING, info={"bind_key": KEYS}),
        type_annotation_map=_TYPES,
    )
    metadata = registry.metadata


reading: ContextVar[bool] = ContextVar("reading", default=False)
"""Whether units of work in this context only read."""


patience: ContextVar[int] = ContextVar("patience", default=_BUSY)
"""How many milliseconds a unit of work in this context waits: on SQLite to begin writing, on
PostgreSQL for each lock that somebody else has."""


class UnitOfWork(Session):
    """Flask-SQLAlchemy's session, with read-only engines for contexts that only read."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine | Connection:
        """Return the engine, or its read-only view in a context that only reads."""
        engine = super().get_bind(*args, **kwargs)
        if isinstance(engine, Engine) and reading.get():
            return readonly(engine)
        return engine


def readonly(engine: Engine) -> Engine:
    """Return the view of `engine` (same pool) whose transactions can't write.

    SQLite needs none: there each transaction is told as it begins.
    """
    views: dict[Engine, Engine] = db.readonly_views
    if engine not in views:
        postgres = engine.dialect.name == "postgresql"
        views[engine] = engine.execution_options(postgresql_readonly=True) if postgres else engine
    return views[engine]


@contextmanager
def connect_to_read(engine: Engine) -> Iterator[Connection]:
    """Connect for reading only, beside a unit of work that may be writing."""
    token = reading.set(True)
    try:
        with readonly(engine).connect() as connection:
            yield connection
    finally:
        reading.reset(token)


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with our base, our session and two databases."""

    readonly_views: dict[Engine, Engine]

    def init_app(self, app: Flask) -> None:
        """Make the engines of `app`, and teach them how to begin."""
        super().init_app(app)
        self.readonly_views = {}
        with app.app_context():
            for engine in self.engines.values():
                if engine.dialect.name == "sqlite":
                    _teach_sqlite(engine)
                elif engine.dialect.name == "postgresql":
                    engine.dialect.do_begin = _begin_postgresql  # type: ignore[assignment,method-assign]


def _teach_sqlite(engine: Engine) -> None:
    """Set up each connection, and begin transactions ourselves (rules of pysqlite)."""

    @event.listens_for(engine, "connect")
    def _connected(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # we send BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY}",
            # A paid booking must survive a power cut; NORMAL can lose the last commits.
            "synchronous=FULL",
            # Freed pages are overwritten, so that an erased value is gone from the file.
            "secure_delete=ON",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    # Not by the "begin" event, as SQLAlchemy's documentation has it: one listener on an
    # engine makes every statement look for listeners, a tenth of what a hold costs.
    engine.dialect.do_begin = _begin_sqlite  # type: ignore[assignment,method-assign]


def _begin_sqlite(dbapi: Any) -> None:
    """Begin to read, and only that, or take the write lock up front."""
    if reading.get():
        dbapi.execute("PRAGMA query_only=ON")
        dbapi.execute("BEGIN")
    else:
        dbapi.execute("PRAGMA query_only=OFF")
        dbapi.execute(f"PRAGMA busy_timeout={patience.get()}")
        dbapi.execute("BEGIN IMMEDIATE")


def _begin_postgresql(connection: Any) -> None:
    """Have a connection wait for locks as long as whoever has it now.

    Said once, and again only where somebody more or less patient has the connection next;
    outside of any transaction, whose end by a rollback would take it back.
    """
    waits = patience.get()
    if connection.info.get("waits") == waits:
        return
    left = _LEFT_ALONE if waits <= PATIENCE_OF_PAGES else 0  # a job may be away for as long
    names = {"lock_timeout": waits, "idle_in_transaction_session_timeout": left}
    dbapi = connection.dbapi_connection
    by_itself, dbapi.autocommit = dbapi.autocommit, True
    try:
        dbapi.execute("; ".join(f"SET {name} = {most}" for name, most in names.items()))
    finally:
        dbapi.autocommit = by_itself
    connection.info["waits"] = waits


@contextmanager
def patiently() -> Iterator[None]:
    """Wait for others as long as it takes: for what nobody waits for, and must be done."""
    token = patience.set(_AS_LONG_AS_IT_TAKES)
    try:
        yield
    finally:
        patience.reset(token)


db = Database(model_class=Base, session_options={"class_": UnitOfWork}, disable_autonaming=True)
# Models inherit from `Base`, which strict mypy understands; `db.Model` it does not.


@contextmanager
def writing(*, hurried: bool = False) -> Iterator[None]:
    """Let a request that began by reading write: what it read so far is let go.

    `hurried`: hardly wait for others who write, but fail; for what can wait itself.
    """
    db.session.rollback()
    token, waits = reading.set(False), patience.set(_HURRIED if hurried else patience.get())
    try:
        yield
    finally:
        db.session.rollback()
        patience.reset(waits)
        reading.reset(token)


@contextmanager
def only_reading() -> Iterator[None]:
    """Read beside whatever the context is about to do: the write lock isn't taken for it."""
    db.session.rollback()
    token = reading.set(True)
    try:
        yield
    finally:
        db.session.rollback()
        reading.reset(token)


def only_read() -> None:
    """Let go of what a request would have written: from here on it reads, to show a page.

    Otherwise it would keep other writers waiting while a template is rendered.
    """
    db.session.rollback()
    reading.set(True)


# -- Columns that declare themselves (D1) -------------------------------------------------


def plain(*args: Any, **kwargs: Any) -> MappedColumn[Any]:
    """Return a column that tells nothing of a person by itself."""
    return mapped_column(*args, info={"data": NOT_PERSONAL}, **kwargs)


def inner(*args: Any, **kwargs: Any) -> MappedColumn[Any]:
    """Return a column of the house's own mechanics, which no page and no download shows."""
    return mapped_column(*args, info={"data": INTERNAL}, **kwargs)


def whose(*args: Any, **kwargs: Any) -> MappedColumn[Any]:
    """Return a column that says which person a row belongs to."""
    return mapped_column(*args, info={"data": PERSON_LINK}, **kwargs)


def kept(declared: Personal, *args: Any, **kwargs: Any) -> MappedColumn[Any]:
    """Return a column of personal data that the database must read; `readable` says why."""
    if not declared.readable:
        raise ValueError("A readable personal column must say why it is not sealed.")
    return mapped_column(*args, info={"data": declared}, **kwargs)


def sealed(name: str, declared: Personal) -> MappedColumn[Any]:
    """Return a column of personal data that only the vault can open; read it by `opened`."""
    return mapped_column(name, sa.LargeBinary, nullable=True, info={"data": declared})


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition, in SQL, that a column holds one of these words of ours."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def let_go() -> None:
    """Close this process's connections: PostgreSQL would wait for them."""
    db.session.rollback()
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()


def table(model: type[DeclarativeBase]) -> sa.Table:
    """Return a model's table, for SQLAlchemy Core on the paths that must be quick."""
    found = model.__table__
    assert isinstance(found, sa.Table)
    return found


def changed(result: Any) -> int:
    """Return how many rows an UPDATE or DELETE met."""
    return int(result.rowcount)


Result = TypeVar("Result")
AfterCommit = Callable[[], object]


def after_commit(work: AfterCommit) -> None:
    """Do `work` once the present transaction is committed; never if it is rolled back."""
    db.session.info.setdefault("after_commit", []).append(work)


@event.listens_for(Session, "after_commit")
def _committed(session: sa.orm.Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint is released; what it did may still be rolled back
    for work in session.info.pop("after_commit", []):
        work()


@event.listens_for(Session, "after_rollback")
def _rolled_back(session: sa.orm.Session) -> None:
    session.info.pop("after_commit", None)


def clear_journal() -> bool:
    """Write SQLite's journal into the book and cut it off; PostgreSQL sees to its own.

    Returns whether nothing of before lies in it any more.

    A row that was deleted is overwritten in the book itself, but can be read in the journal
    until somebody writes over it. Where others are busy for longer than a second, it stays
    until the next try.
    """
    clear = True
    for engine in db.engines.values():
        if engine.dialect.name == "sqlite":
            with closing(engine.raw_connection()) as connection:
                cursor = connection.cursor()
                cursor.execute("PRAGMA busy_timeout=1000")
                busy = 1
                with suppress(sqlite3.OperationalError):
                    busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                clear = clear and not busy
                cursor.execute(f"PRAGMA busy_timeout={_BUSY}")
    return clear


RACES = ("40001", "40P01", "23505")
"""SQLSTATEs of a lost race: serialization failure, deadlock, a key taken meanwhile."""


def in_one_go(work: Callable[[], Result]) -> Result:
    """Run `work` and commit; run it again if the database made it the loser of a race.

    PostgreSQL may choose one of two writers that met; its transaction is gone,
    and done again it simply succeeds or is refused with a reason. Raises what
    `work` raises, after a rollback, and gives up after a few tries.
    """
    for left in (3, 2, 1, 0):
        try:
            result = work()
            db.session.commit()
        except sa.exc.DBAPIError as error:
            db.session.rollback()
            if not left or getattr(error.orig, "sqlstate", None) not in RACES:
                raise
        except BaseException:  # raised on, with nothing half done
            db.session.rollback()
            raise
        else:
            return result
    raise AssertionError("unreachable")
