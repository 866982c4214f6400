"""Fills a book with very many past and coming reservations, to see what grows with them.

Straight into the tables: what is measured is reading and holding beside them, and a
million holds through the site would take ten minutes. The book stays one in order: the
nights are counted, in an offer of so many units that only these stays use.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_BATCH = 20_000
_PERSON = "0" * 32
_UNITS = 100_000
_FREE = "SELECT coalesce(max(id), 0) + 1 FROM reservation"
_COLUMNS = "SELECT * FROM offer LIMIT 0"
_OTHERWISE = {"slug": "'long-ago'", "position": "99", "units": str(_UNITS), "on_sale": "false"}
_RESERVATION = (
    *("id", "reference", "person_id", "status", "language", "currency", "total_minor"),
    *("quote_digest", "cancellation", "first_start", "created_at", "held_since"),
    *("confirmed_at", "link_serial", "sequence"),
)
_LINE = (
    *("reservation_id", "position", "wish", "kind", "offer_id", "label", "arrive", "depart"),
    *("adults", "children", "quantity", "total_minor", "vat_bp", "vat_minor", "nightly"),
)
_NIGHT = ("offer_id", "night", "capacity", "taken")
Row = tuple[object, ...]
Rows = tuple[str, tuple[str, ...], Iterator[Row]]


def fill_sqlite(book: Path, count: int, today: date) -> None:
    """Add `count` confirmed two-night stays to an offer that only they use."""
    with closing(sqlite3.connect(book)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        connection.execute(
            "INSERT INTO person (id, created_at) VALUES (?, ?)", (_PERSON, now.isoformat(" "))
        )
        names = [column[0] for column in connection.execute(_COLUMNS).description]
        connection.execute(_copy_of_offer(names))
        (offer,) = connection.execute("SELECT max(id) FROM offer").fetchone()
        (first,) = connection.execute(_FREE).fetchone()
        for table, columns, rows in _rows(first, count, offer, now, today):
            marks = ",".join("?" * len(columns))
            statement = f"INSERT INTO {table} ({','.join(columns)}) VALUES ({marks})"
            while batch := list(islice(rows, _BATCH)):
                connection.executemany(statement, batch)
                connection.commit()
        connection.execute("ANALYZE")
        connection.commit()


def fill_postgres(url: str, count: int, today: date) -> None:
    """As `fill_sqlite`, into a PostgreSQL database."""
    with psycopg.connect(url, autocommit=True) as connection:
        now = datetime.now(UTC)
        connection.execute("INSERT INTO person (id, created_at) VALUES (%s, %s)", (_PERSON, now))
        names = [column.name for column in connection.execute(_COLUMNS).description or ()]
        connection.execute(sql.SQL(_copy_of_offer(names)))
        ((offer, first),) = connection.execute(
            sql.SQL(f"SELECT (SELECT max(id) FROM offer), ({_FREE})")
        )
        for table, columns, rows in _rows(first, count, offer, now, today):
            _copy(connection, table, columns, rows)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('reservation', 'id'), max(id)) FROM reservation"
        )
        connection.execute("VACUUM ANALYZE")


def _copy_of_offer(names: Sequence[str]) -> Any:
    """Return the statement that makes the offer, after the first one that can be slept in."""
    copied = [name for name in names if name != "id"]
    values = ",".join(_OTHERWISE.get(name, name) for name in copied)
    return (
        f"INSERT INTO offer ({','.join(copied)})"
        f" SELECT {values} FROM offer WHERE kind = 'stay' ORDER BY id LIMIT 1"
    )


def _copy(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Iterator[Row]
) -> None:
    names = sql.SQL(",").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _rows(first: int, count: int, offer: int, now: datetime, today: date) -> Iterator[Rows]:
    yield "reservation", _RESERVATION, _reservations(first, count, now)
    yield "reservation_line", _LINE, _lines(first, count, offer, today)
    yield "night", _NIGHT, _nights(count, offer, today)


def _reservations(first: int, count: int, now: datetime) -> Iterator[Row]:
    for n in range(count):
        # Made one after the other in the last ten years.
        made = (now - timedelta(days=3650 * (count - n) / count)).isoformat(" ")
        yield (
            *(first + n, f"B{n:07d}", _PERSON, "confirmed", "en", "EUR", 20000, "-", "{}"),
            *(made, made, made, made, 1, 0),
        )


def _arrival(n: int, today: date) -> date:
    # As after ten years: one in twenty lies ahead, beyond what can be booked now.
    return today + timedelta(days=(n % 3600) - 3610 if n % 20 else 700 + n % 180)


def _lines(first: int, count: int, offer: int, today: date) -> Iterator[Row]:
    for n in range(count):
        arrive = _arrival(n, today)
        yield (
            *(first + n, 0, 0, "stay", offer, "{}", str(arrive), str(arrive + timedelta(days=2))),
            *(2, 0, 2, 20000, 0, 0, "[]"),
        )


def _nights(count: int, offer: int, today: date) -> Iterator[Row]:
    taken: Counter[date] = Counter()
    for n in range(count):
        arrive = _arrival(n, today)
        taken[arrive] += 1
        taken[arrive + timedelta(days=1)] += 1
    for night, number in taken.items():
        yield offer, str(night), _UNITS, number
