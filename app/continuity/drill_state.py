"""What a rehearsal looks at: the bytes of a database, and the rows of everybody else."""

from collections.abc import Collection
from hashlib import sha256

import sqlalchemy as sa

from app.continuity.copies import file_of
from app.core.database import KEYS, Base, clear_journal, connect_to_read, db

Rows = dict[str, set[bytes]]

MOVING = frozenset(
    # The outbox, the notes of backups, erasures, withdrawals and purges: a restore writes them.
    ("job", "backup_run", "drill_run", "erasure", "erasure_applied", "purge_run", "withdrawal")
)
_AT_ONCE = 1000


def rows() -> Rows:
    """Return a digest of each row of the book, by table; what a restore writes is left out."""
    found: Rows = {}
    with connect_to_read(db.engine) as connection:
        for table in Base.metadata.sorted_tables:
            if table.name in MOVING:
                continue
            result = connection.execution_options(yield_per=_AT_ONCE).execute(sa.select(table))
            found[table.name] = {sha256(repr(tuple(row)).encode()).digest()[:16] for row in result}
    return found


def find_bytes(needles: Collection[bytes], *, keys: bool) -> int:
    """Return how many of the needles are anywhere in a database.

    Of SQLite, in its files, journal included; of PostgreSQL, in its rows, bytes as text.
    """
    db.session.rollback()
    engine = db.engines[KEYS if keys else None]
    if engine.dialect.name == "sqlite":
        clear_journal()
        return sum(_in_files(engine, needle) for needle in needles)
    return len(_in_rows(engine, needles))


def _in_files(engine: sa.Engine, needle: bytes) -> bool:
    place = file_of(engine.url)
    for suffix in ("", "-wal"):
        path = place.with_name(place.name + suffix)
        if path.exists() and needle in path.read_bytes():
            return True
    return False


def _in_rows(engine: sa.Engine, needles: Collection[bytes]) -> set[bytes]:
    seen: set[bytes] = set()
    with connect_to_read(engine) as connection:
        for name in sa.inspect(connection).get_table_names():
            quoted = engine.dialect.identifier_preparer.quote(name)
            statement = sa.text(f"SELECT t::text FROM {quoted} AS t")  # noqa: S608 (a name)
            lines = connection.execution_options(yield_per=_AT_ONCE).execute(statement).scalars()
            for line in lines:
                words = str(line).encode()
                seen |= {one for one in needles if one in words or one.hex().encode() in words}
    return seen
