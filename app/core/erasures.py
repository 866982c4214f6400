"""The ledger of erasures: which persons are gone for good, without a word about them (C12, C26).

It lies in the keys' database, beside the keys that it saw destroyed, so that restoring
the book doesn't take it back. An entry has a keyed digest of the person's random number,
a reason from a short list, and a time; nothing else fits into it. Each entry's digest
covers the one before it.

An entry is written before anything is destroyed. The book notes the positions that were
carried out in it (`Applied`): a book without one of them is older than the ledger, and
must not be served before `privacy` has replayed it.
"""

import hmac
from collections.abc import Collection, Iterable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import sqlalchemy as sa
from blinker import Namespace
from flask import current_app
from sqlalchemy.orm import Mapped

from app.core.database import KEYS, Base, KeysBase, connect_to_read, db, inner, plain, table
from app.core.vault import derive

ASKED, INACTIVE, TERM, HOUSE = "asked", "inactive", "term", "house"
CAUSES = (ASKED, INACTIVE, TERM, HOUSE)
"""Why a person is gone: they asked, nobody used the account, its date had come, by the house."""

ledger_grew = Namespace().signal("ledger-grew")
"""Sent with the app once an entry is committed: the ledger's copy beside the backups follows."""

ORIGIN = b"\x00" * 32
_KNOWN = ", ".join(repr(cause) for cause in CAUSES)


class ErasureEntry(KeysBase):
    """One person who was erased. Added, never changed; no text fits in."""

    __tablename__ = "erasure_entry"
    __table_args__ = (sa.CheckConstraint(f"cause IN ({_KNOWN})", name="known_cause"),)

    position: Mapped[int] = plain(primary_key=True, autoincrement=False)  # 1, 2, 3, …
    at: Mapped[datetime] = plain()
    cause: Mapped[str] = plain(sa.String(10))
    person_digest: Mapped[bytes] = inner(sa.LargeBinary(32), unique=True)
    digest: Mapped[bytes] = inner(sa.LargeBinary(32))


class Applied(Base):
    """An entry of the ledger that was carried out in this book."""

    __tablename__ = "erasure_applied"

    position: Mapped[int] = plain(primary_key=True, autoincrement=False)


class Entry(NamedTuple):
    """An entry of the ledger, as it stands there."""

    position: int
    at: datetime
    cause: str
    person_digest: bytes
    digest: bytes


_entries, _applied = table(ErasureEntry), table(Applied)


def person_digest(person_id: str) -> bytes:
    """Return the digest under which the ledger knows a person: keyed, 32 bytes."""
    secret: bytes = current_app.extensions["settings"].master_key
    key = derive(secret, "reserved: ledger of erasures")
    return hmac.digest(key, person_id.encode(), sha256)


def enter(person_ids: Collection[str], cause: str, *, now: datetime) -> list[int]:
    """Enter persons into the ledger, before their keys are destroyed; return the positions.

    A unit of work of its own in the keys' database. Who is in it already keeps their
    entry: entering twice after a crash is harmless.
    """
    positions = []
    with db.engines[KEYS].begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7205759404)"))
        last = connection.execute(
            sa.select(_entries.c.position, _entries.c.digest)
            .order_by(_entries.c.position.desc())
            .limit(1)
        ).first()
        position, previous = (last.position, last.digest) if last else (0, ORIGIN)
        for person_id in person_ids:
            mark = person_digest(person_id)
            known = connection.scalar(
                sa.select(_entries.c.position).where(_entries.c.person_digest == mark)
            )
            if known is not None:
                positions.append(known)
                continue
            position += 1
            previous = link_digest(position, now, cause, mark, previous)
            connection.execute(
                sa.insert(_entries),
                {
                    "position": position,
                    "at": now,
                    "cause": cause,
                    "person_digest": mark,
                    "digest": previous,
                },
            )
            positions.append(position)
    ledger_grew.send(current_app._get_current_object())  # type: ignore[attr-defined]
    return positions


def link_digest(position: int, at: datetime, cause: str, mark: bytes, previous: bytes) -> bytes:
    """Return the digest of an entry, which covers the one before."""
    text = f"{position}\0{int(at.timestamp())}\0{cause}\0{mark.hex()}\0{previous.hex()}"
    return sha256(text.encode()).digest()


def apply(positions: Iterable[int]) -> None:
    """Note in the book that entries were carried out in it. The caller commits."""
    known = set(db.session.scalars(sa.select(_applied.c.position)))
    rows = [{"position": position} for position in set(positions) - known]
    if rows:
        db.session.execute(sa.insert(Applied), rows)


def missing() -> list[int]:
    """Return the positions of the ledger that this book knows nothing of: it is older."""
    with connect_to_read(db.engines[KEYS]) as connection:
        entered = set(connection.scalars(sa.select(_entries.c.position)))
    return sorted(entered - set(db.session.scalars(sa.select(_applied.c.position))))


def entries() -> list[Entry]:
    """Return the whole ledger, oldest first."""
    with connect_to_read(db.engines[KEYS]) as connection:
        found = connection.execute(sa.select(_entries).order_by(_entries.c.position))
        return [Entry(*row) for row in found]


def entered(person_ids: Iterable[str]) -> dict[str, int]:
    """Return those of the persons whom the ledger has, each with the entry's position."""
    marks = {person_digest(person_id): person_id for person_id in person_ids}
    return {
        marks[one.person_digest]: one.position for one in entries() if one.person_digest in marks
    }
