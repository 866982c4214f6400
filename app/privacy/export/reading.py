"""A subject's rows, read in batches as the data map has them, and their values as they go out.

What ties rows together (a line to its reservation) are numbers of the house, which would
say how many bookings it has. In a download each row has a mark in their place: the same
for the same row throughout one download, and telling nothing.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.core.database import db
from app.core.datamap import Kind
from app.privacy.tables import Field, PersonTable, person_tables

BATCH = 200
"""Rows in memory at once."""

KEPT = "kept, not shown"
"""What stands for a secret that opens something: it is there, and shown to nobody."""

AS_JSON = frozenset((Kind.BILLING_ADDRESS, Kind.SHIPPING_ADDRESS))
"""Kinds whose sealed text is JSON: see `vault.dump_address` and `payments.series`."""

MARK, CURRENCY = "_row", "_currency"
"""Columns that a download adds: a row's mark, and the currency of amounts beside it."""

Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it goes out: the marks first, then its columns as the data map has them."""

    marks: dict[str, str | None]
    values: dict[str, Any]

    def all(self) -> dict[str, Any]:
        """Return everything by column."""
        return {**self.marks, **self.values}


def shown_tables() -> tuple[PersonTable, ...]:
    """Return the tables that have something to show."""
    return tuple(one for one in person_tables() if one.columns)


def is_amount(field: Field) -> bool:
    """Whether a column holds money, in minor units of a currency."""
    return field.name.endswith("_minor")


@cache
def links_of(table: PersonTable) -> tuple[tuple[str, str], ...]:
    """Return (column, table that it leads to) for what ties a row to others of the person."""
    known = {one.name for one in shown_tables()}
    return tuple(
        (column.name, key.column.table.name)
        for column in table.model.__table__.columns
        for key in column.foreign_keys
        if key.column.table.name in known
    )


@cache
def names_currency(table: PersonTable) -> str | None:
    """Return the relation whose row names the currency of a table's amounts.

    None for a table that has no amounts, or names their currency itself.
    """
    names = {column.name for column in table.columns}
    if "currency" in names or not any(is_amount(column) for column in table.columns):
        return None
    relations = sa.inspect(table.model).relationships
    return next(
        str(one.key)
        for one in relations
        if hasattr(one.mapper.class_, "currency") and not one.uselist
    )


def added_columns(table: PersonTable) -> list[str]:
    """Return the names of what a download adds to a table's columns, in their order."""
    links = [f"_{column}" for column, _ in links_of(table)]
    return [MARK, *links, *([CURRENCY] if names_currency(table) else [])]


class Reader:
    """Reads one subject's rows for one download."""

    def __init__(self, person_ids: list[str], *, step: Step) -> None:
        self.person_ids = person_ids
        self._secret = secrets.token_bytes(32)
        self._step = step

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(
            int(
                db.session.scalar(
                    sa.select(sa.func.count()).select_from(
                        table.rows(self.person_ids)
                        .order_by(None)
                        .with_only_columns(sa.literal(1))
                        .subquery()
                    )
                )
                or 0
            )
            for table in shown_tables()
        )

    def rows(self, table: PersonTable) -> Iterator[Row]:
        """Yield a table's rows, opened, a batch at a time."""
        relation = names_currency(table)
        for source in self.sources(table, [relation] if relation else []):
            yield self._row(table, source, relation)

    def sources(self, table: PersonTable, relations: list[str]) -> Iterator[Any]:
        """Yield a table's rows as the models have them, with the relations that are named."""
        loaded = [selectinload(getattr(table.model, name)) for name in relations]
        statement = table.rows(self.person_ids).options(*loaded)
        found = db.session.scalars(statement.execution_options(yield_per=BATCH))
        for batch in found.partitions():
            yield from batch
            self._step(len(batch))

    def _row(self, table: PersonTable, source: Any, relation: str | None) -> Row:
        mapper, columns = sa.inspect(table.model), table.model.__table__.columns

        def raw(name: str) -> Any:
            return getattr(source, mapper.get_property_by_column(columns[name]).key)

        key = [raw(column.name) for column in columns if column.primary_key]
        marks: dict[str, str | None] = {MARK: self._mark(table.name, key)}
        for column, target in links_of(table):
            value = raw(column)
            marks[f"_{column}"] = None if value is None else self._mark(target, [value])
        if relation is not None:
            marks[CURRENCY] = getattr(getattr(source, relation), "currency", None)
        values = {
            column.name: (KEPT if raw(column.name) is not None else None)
            if column.is_secret
            else getattr(source, column.attribute)
            for column in table.columns
        }
        return Row(marks, values)

    def _mark(self, table: str, key: list[Any]) -> str:
        named = json.dumps([table, *map(str, key)]).encode()
        # With a letter first, so that no spreadsheet takes it for a number.
        return "r" + hmac.digest(self._secret, named, "sha256").hex()[:15]


def instant(moment: datetime) -> str:
    """Return an instant as ISO 8601 has it, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_json(field: Field | None, value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    declared = field.declared if field is not None else None
    if declared is not None and declared.kind in AS_JSON and isinstance(value, str):
        return structured(value)
    return value


def structured(text: str) -> Any:
    """Return what a text of JSON says; a text that is none, as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text
