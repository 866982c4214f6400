"""What the data map knows of a subject: their tables, their rows, and each row's values.

Nothing here names a table or a column: a column that is added is found.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from app.core.database import Base
from app.core.datamap import (
    Internal,
    Kind,
    NotPersonal,
    Personal,
    PersonLink,
    declaration,
    tables_in_order,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a person's table, as the data map declares it."""

    table: str
    name: str
    attribute: str  # of the model, whose value is opened
    declared: Personal | None  # None: it tells nothing by itself, and goes along with the row

    @property
    def path(self) -> str:
        """ "table.column", as forms and words name it."""
        return f"{self.table}.{self.name}"

    @property
    def is_secret(self) -> bool:
        """Whether it holds what opens something."""
        return self.declared is not None and self.declared.kind is Kind.CREDENTIAL


@dataclass(frozen=True, slots=True)
class PersonTable:
    """A table whose rows are somebody's."""

    name: str
    model: type[Any]
    columns: tuple[Field, ...]  # those that are theirs to see

    @property
    def personal(self) -> list[Field]:
        """The columns that hold personal data."""
        return [column for column in self.columns if column.declared is not None]

    def rows(self, person_ids: Collection[str]) -> sa.Select[Any]:
        """Return the statement that finds these persons' rows, in the order of their keys."""
        model = self.model
        keys = list(sa.inspect(model).primary_key)
        if "__person__" in vars(model):
            mine = model.__table__.columns[model.__person__].in_(person_ids)
            return sa.select(model).where(mine).order_by(*keys)
        step, column = model.__path_to_person__.split(".")
        relation = getattr(model, step)
        target = relation.property.mapper.class_
        mine = target.__table__.columns[column].in_(person_ids)
        return sa.select(model).join(relation).where(mine).order_by(*keys)

    def values(self, row: Any) -> dict[str, Any]:
        """Return a row's values by column, opened; a sealed one that nobody can open is None."""
        return {column.name: getattr(row, column.attribute) for column in self.columns}


@cache
def person_tables() -> tuple[PersonTable, ...]:
    """Return every table of the book whose rows lead to a person, parents before children."""
    models = {mapper.local_table: mapper.class_ for mapper in Base.registry.mappers}
    found = []
    for table in tables_in_order(Base.metadata):
        model = models[table]
        if getattr(model, "__path_to_person__", None) or vars(model).get("__person__"):
            found.append(PersonTable(table.name, model, tuple(_columns(model))))
    return tuple(found)


def _columns(model: type[Any]) -> Iterator[Field]:
    mapper = sa.inspect(model)
    for column in model.__table__.columns:
        declared = declaration(column)
        if isinstance(declared, Internal | PersonLink) or declared is None:
            continue
        personal = declared if isinstance(declared, Personal) else None
        mechanical = column.primary_key or column.foreign_keys
        binary = isinstance(column.type, sa.LargeBinary)
        if isinstance(declared, NotPersonal) and (mechanical or binary):
            continue
        attribute = mapper.get_property_by_column(column).key
        if personal is not None and not personal.readable:
            attribute = attribute.removeprefix("_")
        yield Field(model.__tablename__, column.name, attribute, personal)
