"""The audit trail: what those who run the house did, in a chain that can be checked (C19).

An entry has who (an account's number and its role), what (a verb from the code), to what
(a kind and a number), and values that are nobody's: amounts, dates, states. A personal
value never comes in, so that an erasure has nothing to take out. Each entry's digest
covers the one before it, so that nothing can be changed, dropped or put in unnoticed.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any, Never

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped

from app.core.database import Base, db, inner, plain, table

ORIGIN = "0" * 64
_LOCK = sa.text("SELECT pg_advisory_xact_lock(7205759405)")


class AuditEntry(Base):
    """One act of the house. Added, never changed."""

    __tablename__ = "audit_entry"
    __table_args__ = (sa.Index("ix_audit_entry_subject", "kind", "subject"),)

    position: Mapped[int] = plain(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = plain(index=True)
    # No reference to the account: who left the house has still done what they did. 0: a command.
    actor_id: Mapped[int] = plain()
    role: Mapped[str] = plain(sa.String(10))
    verb: Mapped[str] = plain(sa.String(40))
    kind: Mapped[str] = plain(sa.String(20))  # of what it was done to: "reservation", "offer", …
    subject: Mapped[int] = plain()  # its number
    detail: Mapped[dict[str, Any]] = plain()  # amounts, dates, states; nothing of a person
    previous: Mapped[str] = inner(sa.String(64))
    digest: Mapped[str] = inner(sa.String(64))


_entries = table(AuditEntry)

# -- The trail is append-only, whoever asks -------------------------------------------------

AUDIT_GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_entry_no_{verb.lower()} BEFORE {verb} ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        """CREATE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END$$""",
        """CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry
        FOR EACH ROW EXECUTE FUNCTION audit_entry_is_append_only()""",
    ),
}
"""What the database says to a program that would change the trail, by dialect."""

for _dialect, _statements in AUDIT_GUARDS.items():
    for _statement in _statements:
        _guard = sa.DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]
        event.listen(_entries, "after_create", _guard)


class TrailIsAppendOnly(RuntimeError):
    """A program tried to change what was done."""


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse(_mapper: Any, _connection: Any, _entry: AuditEntry) -> Never:
    raise TrailIsAppendOnly


# -- Writing and proving --------------------------------------------------------------------


def enter(
    actor_id: int, role: str, verb: str, kind: str, subject: int, /, *, now: datetime, **detail: Any
) -> None:
    """Add an entry, in the transaction that does what it tells. The caller commits."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    query = sa.select(_entries.c.position, _entries.c.digest)
    last = connection.execute(query.order_by(_entries.c.position.desc()).limit(1)).first()
    position, previous = (last.position + 1, last.digest) if last else (1, ORIGIN)
    at = now.replace(microsecond=0)
    row = {
        "position": position,
        "at": at,
        "actor_id": actor_id,
        "role": role,
        "verb": verb,
        "kind": kind,
        "subject": subject,
        "detail": detail,
        "previous": previous,
    }
    connection.execute(sa.insert(_entries), {**row, "digest": digest_of(row)})


def digest_of(row: dict[str, Any]) -> str:
    """Return the digest of an entry's values, which covers the entry before."""
    values = {name: row[name] for name in row if name not in ("digest", "at")}
    values["at"] = int(row["at"].timestamp())
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def head() -> tuple[int, str]:
    """Return the last entry's position and digest; (0, ORIGIN) where there is none.

    Whoever keeps it elsewhere can show later that nothing before it was changed, even by
    somebody who wrote the whole chain anew.
    """
    query = sa.select(_entries.c.position, _entries.c.digest)
    last = db.session.execute(query.order_by(_entries.c.position.desc()).limit(1)).first()
    return (last.position, last.digest) if last else (0, ORIGIN)


def faults() -> Iterator[tuple[int, str]]:
    """Yield where the chain isn't as it was written: the position, and what is wrong."""
    expected, previous = 1, ORIGIN
    query = sa.select(_entries).order_by(_entries.c.position)
    for row in db.session.execute(query).mappings():
        if row["position"] != expected:
            yield expected, "is missing"
            expected = row["position"]
        if row["previous"] != previous or digest_of(dict(row)) != row["digest"]:
            yield row["position"], "was changed"
        previous, expected = row["digest"], expected + 1
