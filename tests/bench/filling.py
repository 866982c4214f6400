"""Fills a book with very many past and coming reservations, to see what grows with them.

Straight into the tables: what is measured is reading and holding beside them,
and a million holds through the site would take ten minutes.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

_BATCH = 20_000


def fill(book: Path, count: int, today: date) -> None:
    """Add `count` confirmed two-night stays to an offer that only they use."""
    connection = sqlite3.connect(book)
    connection.execute("PRAGMA synchronous=OFF")
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    person = "0" * 32
    connection.execute("INSERT OR IGNORE INTO person (id, created_at) VALUES (?, ?)", (person, now))
    offer = connection.execute(
        "SELECT id, units FROM offer WHERE kind = 'stay' ORDER BY units DESC, id LIMIT 1"
    ).fetchone()
    first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM reservation").fetchone()[0]

    def reservations() -> Iterator[tuple[object, ...]]:
        for n in range(count):
            yield (
                *(first + n, f"B{n:07d}", person, "confirmed", "en", "EUR", 20000, "-", "{}"),
                *(now, now, now, now, 1, 0),
            )

    def lines() -> Iterator[tuple[object, ...]]:
        for n in range(count):
            # Half of them lie behind us, half ahead, beyond what can be booked.
            arrive = today + timedelta(days=(n % 3000) - 3600 if n % 2 else 700 + n % 3000)
            depart = arrive + timedelta(days=2)
            yield (first + n, 0, 0, "stay", offer[0], "{}", str(arrive), str(depart), 2, 0, 2,
                   20000, 0, 0, "[]")  # fmt: skip

    _insert(
        connection,
        "INSERT INTO reservation (id, reference, person_id, status, language, currency,"
        " total_minor, quote_digest, cancellation, first_start, created_at, held_since,"
        " confirmed_at, link_serial, sequence) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        reservations(),
    )
    _insert(
        connection,
        "INSERT INTO reservation_line (reservation_id, position, wish, kind, offer_id, label,"
        " arrive, depart, adults, children, quantity, total_minor, vat_bp, vat_minor, nightly)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        lines(),
    )
    connection.execute("ANALYZE")
    connection.commit()
    connection.close()


def _insert(
    connection: sqlite3.Connection, statement: str, rows: Iterator[tuple[object, ...]]
) -> None:
    while batch := list(islice(rows, _BATCH)):
        connection.executemany(statement, batch)
        connection.commit()
