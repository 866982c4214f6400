"""Fills a book with very many past and coming reservations, to see what grows with them.

Straight into the tables: what is measured is reading and holding beside them,
and a million holds through the site would take ten minutes.
"""

import sqlite3
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
_OFFER = "SELECT id FROM offer WHERE kind = 'stay' ORDER BY units DESC, id LIMIT 1"
_RESERVATION = (
    *("id", "reference", "person_id", "status", "language", "currency", "total_minor"),
    *("quote_digest", "cancellation", "first_start", "created_at", "held_since"),
    *("confirmed_at", "link_serial", "sequence"),
)
_LINE = (
    *("reservation_id", "position", "wish", "kind", "offer_id", "label", "arrive", "depart"),
    *("adults", "children", "quantity", "total_minor", "vat_bp", "vat_minor", "nightly"),
)
_FIRST = "SELECT coalesce(max(id), 0) + 1 FROM reservation"
Row = tuple[object, ...]


def fill_sqlite(book: Path, count: int, today: date) -> None:
    """Add `count` confirmed two-night stays to an offer that only they use."""
    with closing(sqlite3.connect(book)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
        connection.execute("INSERT INTO person (id, created_at) VALUES (?, ?)", (_PERSON, now))
        (offer,) = connection.execute(_OFFER).fetchone()
        (first,) = connection.execute(_FIRST).fetchone()
        for table, columns, rows in (
            ("reservation", _RESERVATION, _reservations(first, count, now)),
            ("reservation_line", _LINE, _lines(first, count, offer, today)),
        ):
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
        now = datetime.now(UTC).isoformat()
        connection.execute("INSERT INTO person (id, created_at) VALUES (%s, %s)", (_PERSON, now))
        found, free = connection.execute(_OFFER).fetchone(), connection.execute(_FIRST).fetchone()
        assert found
        assert free
        _copy(connection, "reservation", _RESERVATION, _reservations(free[0], count, now))
        _copy(connection, "reservation_line", _LINE, _lines(free[0], count, found[0], today))
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('reservation', 'id'), max(id)) FROM reservation"
        )
        connection.execute("VACUUM ANALYZE")


def _copy(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Iterator[Row]
) -> None:
    names = sql.SQL(",").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _reservations(first: int, count: int, now: str) -> Iterator[Row]:
    for n in range(count):
        yield (
            *(first + n, f"B{n:07d}", _PERSON, "confirmed", "en", "EUR", 20000, "-", "{}"),
            *(now, now, now, now, 1, 0),
        )


def _lines(first: int, count: int, offer: int, today: date) -> Iterator[Row]:
    for n in range(count):
        # Half of them lie behind us, half ahead, beyond what can be booked.
        arrive = today + timedelta(days=(n % 3000) - 3600 if n % 2 else 700 + n % 3000)
        depart = arrive + timedelta(days=2)
        yield (
            *(first + n, 0, 0, "stay", offer, "{}", str(arrive), str(depart)),
            *(2, 0, 2, 20000, 0, 0, "[]"),
        )
