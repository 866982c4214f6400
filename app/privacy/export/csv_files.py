"""One CSV for each table (RFC 4180): for spreadsheets, which is where their dangers come from.

A spreadsheet takes a text that begins with =, +, - or @ for a formula, and turns a
telephone number into a sum or loses its leading zero. So such a text gets an apostrophe
before it, as one types it there to say "this is text": the number stays readable. The
rule can be undone exactly (`plain`), because a text that has apostrophes at that place
already gets one more.

The files begin with a byte order mark: without it Excel reads them in the code page of
the machine, and every umlaut and every Chinese name is ruined. Readers of CSV know it
("utf-8-sig"), and RFC 4180 has nothing against it.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from app.privacy.export.reading import Reader, added_columns, instant
from app.privacy.tables import PersonTable

BOM = "\ufeff"

# Beside ASCII's signs the wide ones, which Excel takes for the same in East Asia.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
# What is nothing but digits and their punctuation would become a number or a date.
_NUMBER = r"[\d.,][\d\s.,:/()eE+\-]*\Z"
# Also within a text, after what some country's Excel takes for the end of a cell.
_DANGER = re.compile(rf"\A(?='*(?:[{_SIGNS}\t\r\n]|{_NUMBER}))|(?<=[;\t\r\n])(?='*[{_SIGNS}])")
_GUARDED = re.compile(rf"\A'(?='*(?:[{_SIGNS}\t\r\n]|{_NUMBER}))|(?<=[;\t\r\n])'(?='*[{_SIGNS}])")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, a number or a date."""
    return _DANGER.sub("'", text)


def plain(text: str) -> str:
    """Return the text that `guarded` was given."""
    return _GUARDED.sub("", text)


def csv_pieces(reader: Reader, table: PersonTable) -> Iterator[str]:
    """Yield the CSV of a table: its columns' names, then a line for each row."""
    buffer = io.StringIO(newline="")
    # Texts in quotes, always: a semicolon in one is no end of a cell, in any country.
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")

    def line(cells: list[Any]) -> str:
        writer.writerow(cells)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    names = [*added_columns(table), *(column.name for column in table.columns)]
    yield BOM + line(names)
    for row in reader.rows(table):
        values = row.all()
        yield line([values[n] if n.startswith("_") else _cell(values[n]) for n in names])


def _cell(value: Any) -> Any:
    """Return a value as a cell: numbers bare, days and instants as ISO 8601, texts guarded."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return guarded(value)
    return guarded(json.dumps(value, ensure_ascii=False))
