"""A copy of the site to rehearse on: its own databases and folder, and no way out."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.engine import URL

from app.config import Settings
from app.continuity import copies
from app.continuity.folders import folder, scratch
from app.continuity.models import BOOK, KEYS_BACKUP
from app.continuity.restore import open_backup
from app.core import schema
from app.core.database import db


@contextmanager
def copied_site(settings: Settings, backup: Path | None) -> Iterator[Flask]:
    """Make a site with copies of both databases; the book's from a backup, if one is given.

    It reaches nobody: it has no mail relay, no payment provider and no queue. It is gone
    afterwards, keys and all.
    """
    with ExitStack() as stack:
        away = stack.enter_context(scratch(settings.backup_dir))
        site = folder(away / "site")
        book = stack.enter_context(_empty(sa.make_url(settings.database_url), site / "book.db"))
        keys = stack.enter_context(
            _empty(sa.make_url(settings.keys_database_url), site / "keys.db")
        )
        if backup is not None:
            open_backup(backup, BOOK, away / BOOK, settings)
        else:
            _write(sa.make_url(settings.database_url), away / BOOK, away)
        # The keys after the book: whoever is in it has theirs.
        _write(sa.make_url(settings.keys_database_url), away / KEYS_BACKUP, away)
        copies.put(book, away / BOOK)
        copies.put(keys, away / KEYS_BACKUP)
        for kind in (BOOK, KEYS_BACKUP):
            (away / kind).unlink()
        own = replace(
            settings,
            instance_dir=site,
            backup_dir=site / "backups",
            database_url=book.render_as_string(hide_password=False),
            keys_database_url=keys.render_as_string(hide_password=False),
            redis_url="",
            mail_url="",
            stripe_secret_key="",
            stripe_webhook_secrets=(),
            stripe_api_base="",
        )
        yield stack.enter_context(_app(own))


@contextmanager
def _app(own: Settings) -> Iterator[Flask]:
    make_app: Callable[..., Flask] = current_app.extensions["make_app"]
    app = make_app(own, clock=current_app.extensions["clock"])
    # The verbs write the jobs of their mails as ever; there is no worker to be woken.
    app.extensions["wake_worker"] = lambda _job_id: None
    schema.init_app(app)
    # Its refusals and requests are part of the rehearsal, and no news of the live site.
    logging.disable(logging.ERROR)
    try:
        yield app
    finally:
        logging.disable(logging.NOTSET)
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def _write(url: URL, place: Path, away: Path) -> None:
    with place.open("wb") as file:
        for piece in copies.copy(url, away):
            file.write(piece)


@contextmanager
def _empty(live: URL, file: Path) -> Iterator[URL]:
    """Make an empty database beside the live one, and remove it afterwards."""
    if live.get_backend_name() == "sqlite":
        yield live.set(database=str(file))
        return
    name = f"reserved_drill_{secrets.token_hex(6)}"
    engine = sa.create_engine(live, isolation_level="AUTOCOMMIT")
    try:
        _do(engine, f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield live.set(database=name)
        finally:
            with suppress(sa.exc.DBAPIError):
                _do(engine, f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        engine.dispose()


def _do(engine: Any, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
