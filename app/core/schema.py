"""The tables of both databases, by the migrations. For commands and tests: heavy to import."""

from pathlib import Path

import flask_migrate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from app.core.database import db

MIGRATIONS = str(Path(__file__).parent.parent.parent / "migrations")


def init_app(app: Flask) -> None:
    """Let Alembic's commands know where the migrations are."""
    flask_migrate.Migrate(app, db, directory=MIGRATIONS)


def is_newest() -> bool:
    """Whether both databases of the current app stand at the newest migration."""
    newest = set(ScriptDirectory(MIGRATIONS).get_heads())
    for engine in db.engines.values():
        with engine.connect() as connection:
            if set(MigrationContext.configure(connection).get_current_heads()) != newest:
                return False
    return True


def upgrade(app: Flask) -> None:
    """Bring both databases of an app to the newest migration."""
    if "migrate" not in app.extensions:
        init_app(app)
    with app.app_context():
        flask_migrate.upgrade()
