"""Addresses for machines that watch over the site."""

import sqlalchemy as sa
from flask import Blueprint

from app.core.database import connect_to_read, db

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> tuple[str, int, dict[str, str]]:
    """Say that this process answers."""
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


@bp.get("/readyz")
def readyz() -> tuple[str, int, dict[str, str]]:
    """Say that the databases answer too."""
    for engine in db.engines.values():
        # By its read-only view: on SQLite a writer's would wait for the lock, and hold it.
        with connect_to_read(engine) as connection:
            connection.execute(sa.text("SELECT 1"))
    return "ready\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
