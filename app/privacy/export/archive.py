"""The ZIP itself: which files are in it, written one after the other, each as it is read."""

import gc
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from app.booking.shop import shop
from app.core.database import db
from app.core.languages import use_language
from app.core.vault import vault
from app.privacy.export import papers
from app.privacy.export.csv_files import csv_pieces
from app.privacy.export.json_file import json_pieces, schema_text
from app.privacy.export.pages import index_pieces
from app.privacy.export.reading import Reader, shown_tables
from app.privacy.export.readme import readme_text
from app.privacy.export.sealing import SealedFile, note
from app.privacy.models import Export
from app.privacy.retention import remembering
from app.web.pages import settings

PASSES = 3
"""How often every row is read: for the page, for the JSON and for the CSV."""
_NOTED_EVERY = 1000  # rows
_SWEPT_EVERY = 100  # rows, which refer to each other


def write_archive(export: Export, *, now: datetime) -> int:
    """Write a person's whole download, sealed, and return its size in bytes.

    Only reads with the present session, which is let go; pieces and progress are written
    beside it. Raises Overtaken, and PersonUnknown after an erasure.
    """
    export_id, maker, language = export.id, str(export.maker), export.language
    person_ids, total = [str(one) for one in export.person_ids], export.total or 0
    sealed = SealedFile(export_id, export.person_id, maker)
    _begin_one_view()
    vault().unlock(person_ids)

    def step(rows: int) -> None:
        before, sealed.done = sealed.done, min(sealed.done + rows, total)
        if before // _SWEPT_EVERY != sealed.done // _SWEPT_EVERY:
            gc.collect(0)  # what was read goes now
        if before // _NOTED_EVERY != sealed.done // _NOTED_EVERY:
            note(export_id, maker, done=sealed.done)

    reader = Reader(person_ids, step=step)
    with use_language(language), remembering():
        with ZipFile(sealed, "w", ZIP_DEFLATED) as archive:
            for name, pieces in _files(reader, language=language, now=now):
                _write(archive, name, pieces, now=now)
        sealed.close()
    return sealed.size


def count_rows(person_ids: list[str]) -> int:
    """Return how many rows a download of these persons writes, each pass counted."""
    return PASSES * Reader(person_ids, step=lambda rows: None).count()


def _begin_one_view() -> None:
    """Have all that is read from here on be of one instant. SQLite's readers have that anyway."""
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _files(
    reader: Reader, *, language: str, now: datetime
) -> Iterator[tuple[str, Iterable[str | bytes]]]:
    site, url, persons = shop().venue.name, settings().site_url, reader.person_ids
    yield "README.txt", [readme_text(persons, now=now)]
    yield "index.html", index_pieces(reader, site=site, now=now)
    yield "data.json", json_pieces(reader, site=url, language=language, now=now)
    yield "data.schema.json", [schema_text()]
    for table in shown_tables():
        yield f"csv/{table.name}.csv", csv_pieces(reader, table)
    yield "calendar.ics", papers.calendar(persons, now=now)
    yield "receipts.html", papers.receipts(persons)
    for name, pdf in papers.invoices(persons):
        yield f"invoices/{name}", [pdf]
    for name, text in papers.consent_receipts(persons, now=now):
        yield f"choices/{name}", [text]


def _write(archive: ZipFile, name: str, pieces: Iterable[str | bytes], *, now: datetime) -> None:
    info = ZipInfo(name, date_time=now.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    with archive.open(info, "w") as raw, io.BufferedWriter(_Raw(raw), 1 << 16) as file:
        for piece in pieces:
            file.write(piece.encode() if isinstance(piece, str) else piece)


class _Raw(io.RawIOBase):
    """What a buffer asks of the file behind it; closing that is left to its owner."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        written: int = self._file.write(bytes(content))
        return written
