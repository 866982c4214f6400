"""Runs the migrations on both databases: the book and the keys.

A migration has `upgrade_book`, `upgrade_keys` and the way back. It imports
nothing of ours: what a model is today must not change what a migration did.
"""

import logging

import sqlalchemy as sa
from alembic import context
from flask import current_app

from app.core.database import patiently

log = logging.getLogger("alembic.env")

db = current_app.extensions["migrate"].db
TARGETS = {
    "book": (db.engines[None], db.metadatas[None]),
    "keys": (db.engines["keys"], current_app.extensions["keys_metadata"]),
}


def render_item(kind: str, value: object, _autogenerate: object) -> str | bool:
    """Write our own column types as what they are in the database."""
    if kind == "type" and isinstance(value, sa.types.TypeDecorator):
        return f"sa.{value.impl!r}"
    return False


def run() -> None:
    """Migrate both databases, each in its own transaction."""
    for name, (engine, metadata) in TARGETS.items():
        with patiently(), engine.connect() as connection:
            # Rebuilding a parent table would delete its children by ON DELETE CASCADE.
            # The pragma has no effect inside a transaction, so it goes round SQLAlchemy.
            sqlite = engine.dialect.name == "sqlite"
            dbapi = connection.connection.dbapi_connection
            if sqlite:
                dbapi.execute("PRAGMA foreign_keys=OFF")
            context.configure(
                connection=connection,
                target_metadata=metadata,
                upgrade_token=f"{name}_upgrades",
                downgrade_token=f"{name}_downgrades",
                render_as_batch=sqlite,
                compare_type=True,
                render_item=render_item,
            )
            with context.begin_transaction():
                context.run_migrations(engine_name=name)
            if sqlite:
                # A read that was left open would have the pragma below do nothing.
                connection.rollback()
                broken = dbapi.execute("PRAGMA foreign_key_check").fetchall()
                dbapi.execute("PRAGMA foreign_keys=ON")
                if broken:
                    raise RuntimeError(f"rows without their parent after migrating {name}")


if context.is_offline_mode():
    raise SystemExit("Migrations run on a live database only: they look at its rows.")
run()
