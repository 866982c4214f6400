"""The ledger of erasures as a file beside the backups, so that it outlives both databases.

`erasures.jsonl` has one entry a line, the whole chain, no personal value. It is written
anew at each erasure, and by the worker where it lags. It is never written shorter: a
ledger that lacks what the file has is the older one, and must take it in first (`merge`).
"""

import json
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app

from app.config import Settings
from app.continuity.folders import folder, write_whole
from app.core import erasures
from app.core.database import KEYS, connect_to_read, db, table
from app.core.erasures import ORIGIN, Entry, ErasureEntry, ledger_grew, link_digest
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonKey, vault

log = logging.getLogger(__name__)

NAME = "erasures.jsonl"
_MANY = 500
_entries = table(ErasureEntry)


class LedgerUnsound(DomainError):
    """The file of the ledger was edited, or is cut off in the middle."""

    message = N_(
        "The file %(name)s is not a sound ledger of erasures (line %(line)s). Take the newest "
        "copy of it that you have elsewhere."
    )


def path_of(settings: Settings) -> Path:
    """Return where the file lies."""
    return settings.backup_dir / NAME


def export_ledger() -> bool:
    """Write the ledger to its file; return whether the file is now the same.

    It isn't written where the file has entries that the ledger lacks.
    """
    settings: Settings = current_app.extensions["settings"]
    present = erasures.entries()
    last = last_line(path_of(settings))
    if last is not None:
        known = present[last.position - 1] if last.position <= len(present) else None
        if known is None or known.digest != last.digest:
            return False
        if last.position == len(present):
            return True
    elif not present and path_of(settings).exists():
        return True
    folder(settings.backup_dir)
    write_whole(path_of(settings), "".join(map(_line, present)).encode())
    return True


def _line(entry: Entry) -> str:
    words = {
        "position": entry.position,
        "at": int(entry.at.timestamp()),
        "cause": entry.cause,
        "person": entry.person_digest.hex(),
        "digest": entry.digest.hex(),
    }
    return json.dumps(words) + "\n"


def _entry(line: str) -> Entry:
    """Return the entry of a line; raises ValueError, KeyError or TypeError."""
    words: dict[str, Any] = json.loads(line)
    if words["cause"] not in erasures.CAUSES:
        raise ValueError
    return Entry(
        int(words["position"]),
        datetime.fromtimestamp(int(words["at"]), UTC),
        str(words["cause"]),
        bytes.fromhex(words["person"]),
        bytes.fromhex(words["digest"]),
    )


def last_line(path: Path) -> Entry | None:
    """Return the last entry of the file, without reading it all; None where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 1000))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    try:
        return _entry(lines[-1]) if lines else None
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerUnsound(name=NAME, line=-1) from error


def read(path: Path) -> list[Entry]:
    """Return the entries of a file, its chain verified; none where there is no file.

    Raises LedgerUnsound.
    """
    found: list[Entry] = []
    previous = ORIGIN
    try:
        file = path.open(encoding="utf-8")
    except FileNotFoundError:
        return []
    with file:
        for number, line in enumerate(file, start=1):
            try:
                entry = _entry(line)
            except (ValueError, KeyError, TypeError) as error:
                raise LedgerUnsound(name=NAME, line=number) from error
            digest = link_digest(number, entry.at, entry.cause, entry.person_digest, previous)
            if entry.position != number or entry.digest != digest:
                raise LedgerUnsound(name=NAME, line=number)
            previous = digest
            found.append(entry)
    return found


def merge() -> int:
    """Take into the ledger what its file has and it lacks, and write the file anew.

    Returns how many entries were taken in. Raises LedgerUnsound.
    """
    settings: Settings = current_app.extensions["settings"]
    theirs = read(path_of(settings))
    ours = erasures.entries()
    known = {entry.person_digest for entry in ours}
    lacking = [entry for entry in theirs if entry.person_digest not in known]
    _take_in(lacking, ours[-1] if ours else None)
    if [entry.digest for entry in theirs] != [entry.digest for entry in erasures.entries()]:
        folder(settings.backup_dir)
        write_whole(path_of(settings), "".join(map(_line, erasures.entries())).encode())
    return len(lacking)


def _take_in(lacking: Sequence[Entry], last: Entry | None) -> None:
    """Add entries at the end: as they were linked where they follow, and linked anew else."""
    position, previous = (last.position, last.digest) if last else (0, ORIGIN)
    rows = []
    for entry in lacking:
        position += 1
        previous = link_digest(position, entry.at, entry.cause, entry.person_digest, previous)
        rows.append(
            {
                "position": position,
                "at": entry.at,
                "cause": entry.cause,
                "person_digest": entry.person_digest,
                "digest": previous,
            }
        )
    if rows:
        with db.engines[KEYS].begin() as connection:
            connection.execute(sa.insert(_entries), rows)


def destroy_keys_again() -> int:
    """Destroy the keys of those whom the ledger has: a restored keys' database has them still.

    Returns how many keys were destroyed.
    """
    keys = table(PersonKey)
    marks = {entry.person_digest for entry in erasures.entries()}
    with connect_to_read(db.engines[KEYS]) as connection:
        gone = [
            person_id
            for person_id in connection.scalars(sa.select(keys.c.person_id))
            if erasures.person_digest(person_id) in marks
        ]
    for start in range(0, len(gone), _MANY):
        vault().destroy(gone[start : start + _MANY])
    return len(gone)


@ledger_grew.connect
def _export_after_an_erasure(_app: Flask) -> None:
    try:
        export_ledger()
    except (OSError, LedgerUnsound) as error:
        # An erasure doesn't wait for a disk; the worker tries again every minute.
        log.error("the ledger was not exported: %s", type(error).__name__)  # noqa: TRY400
