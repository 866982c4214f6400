"""The bytes of a download, sealed a piece at a time under the person's key.

A piece is bound to its download and to its place in it: pieces can't be exchanged, and a
download of somebody else's can't be put in their place.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from app.core.database import changed, connect_to_read, db, reading, table
from app.core.vault import vault
from app.privacy.models import MAKING, Export, ExportChunk

PIECE = 256 * 1024
"""Bytes of one piece before it is sealed."""

_exports, _chunks = table(Export), table(ExportChunk)


class Overtaken(RuntimeError):
    """Another try has begun, or nobody wants it any more: what this one makes doesn't count."""


def note(export_id: int, maker: str, *, piece: tuple[int, bytes] | None = None, done: int) -> None:
    """Write down how far a try has come, and a piece of it, in a unit of work of its own.

    It stands beside the long one that reads, so that the page sees it, and the write lock
    is held for no longer than a piece takes. Raises Overtaken.
    """
    token = reading.set(False)
    try:
        with db.engine.begin() as connection:
            met = connection.execute(
                sa.update(_exports)
                .where(
                    _exports.c.id == export_id,
                    _exports.c.maker == maker,
                    _exports.c.state == MAKING,
                )
                .values(done=done)
            )
            if not changed(met):
                raise Overtaken
            if piece is not None:
                values = {"export_id": export_id, "position": piece[0], "sealed_bytes": piece[1]}
                connection.execute(sa.insert(_chunks), values)
    finally:
        reading.reset(token)


class SealedFile:
    """A file that can only be written to, from front to back; a ZIP is written into it."""

    def __init__(self, export_id: int, person_id: str, maker: str) -> None:
        self.size = 0  # bytes so far
        self.done = 0  # rows so far, noted with each piece
        self._whose = export_id, person_id, maker
        self._position = 0
        self._waiting = bytearray()

    def write(self, content: bytes) -> int:
        """Take bytes, and store what makes a whole piece."""
        self._waiting += content
        self.size += len(content)
        while len(self._waiting) >= PIECE:
            self._store(PIECE)
        return len(content)

    def flush(self) -> None:
        """Do nothing: a piece is stored when it is whole."""

    def close(self) -> None:
        """Store what is left."""
        if self._waiting:
            self._store(len(self._waiting))

    def _store(self, length: int) -> None:
        export_id, person_id, maker = self._whose
        piece = bytes(self._waiting[:length])
        sealed = vault().seal_bytes(person_id, _field(export_id, self._position), piece)
        note(export_id, maker, piece=(self._position, sealed), done=self.done)
        del self._waiting[:length]
        self._position += 1


def opened_pieces(export_id: int, person_id: str) -> Iterator[bytes]:
    """Yield the bytes of a download, piece by piece.

    Raises PersonUnknown after an erasure, and SealBroken where a piece was exchanged.
    """
    position = 0
    query = sa.select(_chunks.c.sealed_bytes).where(
        _chunks.c.export_id == sa.bindparam("id"), _chunks.c.position == sa.bindparam("at")
    )
    while True:
        # A unit of work for each: a slow line mustn't hold one open for hours.
        with connect_to_read(db.engine) as connection:
            sealed = connection.execute(query, {"id": export_id, "at": position}).scalar()
        if sealed is None:
            return
        yield vault().open_bytes(person_id, _field(export_id, position), sealed)
        position += 1


def _field(export_id: int, position: int) -> str:
    return f"export_chunk.sealed_bytes:{export_id}:{position}"
