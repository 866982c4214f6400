"""What tests of backups do again and again: erase, put a copy in place by hand, look."""

from datetime import datetime

import sqlalchemy as sa

from app.continuity import copies
from app.continuity.drill_state import find_bytes
from app.continuity.restore import open_backup
from app.core import erasures
from app.core.database import KEYS, db
from app.core.vault import PersonUnknown, vault
from app.privacy import erasing
from app.privacy.models import DONE, Erasure


def erase(person, *, now: datetime) -> None:
    """Erase a person to the end, as the worker does."""
    made = erasing.begin(person.person_ids, erasures.TERM, now=now, language="en")
    db.session.commit()
    erasure_id = made.id
    db.session.rollback()
    erasing.go_on(erasure_id, now=now)
    assert db.session.get_one(Erasure, erasure_id).state == DONE
    db.session.rollback()


def put_by_hand(backup, kind, settings, away) -> None:
    """Put a backup in place as an operator would without our command: a file copied over."""
    copied = away / f"by-hand-{kind}"
    copied.unlink(missing_ok=True)
    open_backup(backup, kind, copied, settings)
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()
    copies.put(db.engines[KEYS if kind == "keys" else None].url, copied)


def left_in_book(person) -> int:
    """How many of a person's values the book's bytes have."""
    return find_bytes(person.in_book, keys=False)


def left_in_keys(person) -> int:
    """How many of a person's values the keys' bytes have."""
    return find_bytes(person.in_keys, keys=True)


def opens(person) -> bool:
    """Whether anything of a person can be read with the present keys."""
    db.session.rollback()
    for person_id, where, value in person.sealed:
        try:
            vault().open(person_id, where, value)
        except PersonUnknown:
            continue
        return True
    return False


def count(table: str) -> int:
    """How many rows a table of the book has."""
    found = db.session.scalar(sa.text(f"SELECT count(*) FROM {table}"))
    db.session.rollback()
    return int(found)
