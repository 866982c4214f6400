"""`data.json`, and the schema that says what stands in it (JSON Schema 2020-12).

Both are made from the data map, so that a column that is added is in both.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.core.database import UtcDateTime
from app.privacy.export.reading import (
    AS_JSON,
    CURRENCY,
    KEPT,
    MARK,
    Reader,
    added_columns,
    as_json,
    instant,
    is_amount,
    shown_tables,
)
from app.privacy.tables import Field, PersonTable
from app.privacy.words import field_word, group_of, group_word, purpose_word, table_word

FORMAT = "reserved-data-1"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MARKS = {"type": "string", "pattern": "^r[0-9a-f]{15}$"}


def json_pieces(
    reader: Reader,
    *,
    site: str,
    language: str,
    now: datetime,
    tables: Sequence[PersonTable] | None = None,
) -> Iterator[str]:
    """Yield `data.json`: every row of every table, in the order of the database's keys.

    `tables` limits it to some, each with the columns that it is given with.
    """
    head = {
        "$schema": "data.schema.json",
        "format": FORMAT,
        "made_at": instant(now),
        "site": site,
        "language": language,
    }
    yield _text(head).rstrip("\n}") + ',\n  "tables": {'
    before = ""
    for table in shown_tables() if tables is None else tables:
        yield f"{before}\n    {json.dumps(table.name)}: ["
        fields: dict[str, Field] = {column.name: column for column in table.columns}
        between = "\n"
        for row in reader.rows(table):
            values = {name: as_json(fields.get(name), value) for name, value in row.all().items()}
            yield between + "      " + json.dumps(values, ensure_ascii=False)
            between = ",\n"
        yield "\n    ]" if between == ",\n" else "]"
        before = ","
    yield "\n  }\n}\n"


def schema_text(some: Sequence[PersonTable] | None = None) -> str:
    """Return `data.schema.json`, its titles in the current language; `some`: of these alone."""
    tables = {table.name: _table(table) for table in (shown_tables() if some is None else some)}
    return _text(
        {
            "$schema": DIALECT,
            "title": FORMAT,
            "type": "object",
            "properties": {
                "$schema": {"const": "data.schema.json"},
                "format": {"const": FORMAT},
                "made_at": {"type": "string", "format": "date-time"},
                "site": {"type": "string", "format": "uri"},
                "language": {"type": "string"},
                "tables": {
                    "type": "object",
                    "properties": tables,
                    "required": list(tables),
                    "additionalProperties": False,
                },
            },
            "required": ["$schema", "format", "made_at", "site", "language", "tables"],
            "additionalProperties": False,
        }
    )


def _table(table: PersonTable) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name in added_columns(table):
        if name == MARK:
            properties[name] = _MARKS
        elif name == CURRENCY:
            properties[name] = {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"}
        else:
            properties[name] = {**_MARKS, "type": ["string", "null"]}
    for field in table.columns:
        properties[field.name] = _column(table, field)
    return {
        "title": table_word(table),
        "description": group_word(group_of(table)),
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
    }


def _column(table: PersonTable, field: Field) -> dict[str, Any]:
    column = table.model.__table__.columns[field.name]
    made: dict[str, Any] = {"title": field_word(field)}
    declared = field.declared
    if declared is not None:
        made["description"] = "; ".join(purpose_word(purpose) for purpose in declared.purposes)
    if field.is_secret:
        return made | {"enum": [KEPT, None]}
    sealed = declared is not None and not declared.readable
    types, more = (["string"], {}) if sealed else _type(column.type)
    if declared is not None and declared.kind in AS_JSON:
        types = ["object", "array", "string"]
    if is_amount(field):
        more = {"$comment": "minor units of the row's currency: cents, of a euro"}
    if field.name.endswith("_bp"):
        more = {"$comment": "hundredths of a percent"}
    nullable = ["null"] if sealed or column.nullable else []
    return made | more | {"type": [*types, *nullable]}


def _type(kind: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the types of a column in JSON, and what else its schema says."""
    if isinstance(kind, UtcDateTime | sa.DateTime):
        return ["string"], {"format": "date-time"}
    if isinstance(kind, sa.Date):
        return ["string"], {"format": "date"}
    if isinstance(kind, sa.Boolean):
        return ["boolean"], {}
    if isinstance(kind, sa.Integer):
        return ["integer"], {}
    if isinstance(kind, sa.Numeric):
        return ["number"], {}
    if isinstance(kind, sa.JSON):
        return ["object", "array"], {}
    if isinstance(kind, sa.LargeBinary):
        return ["string"], {"pattern": "^([0-9a-f]{2})*$"}
    return ["string"], {}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
