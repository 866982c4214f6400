"""The demo place, loaded once a run and copied for each test, and visitors to it."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.booking.demo import load_demo
from app.config import Settings
from app.core.database import db
from app.policy.documents import publish_missing
from tests.conftest import MORNING, Database, Pair, SettableClock, _environ, _let_go
from tests.house.visitor import Visitor
from tests.postgres import locked

FILES = ("book.db", "keys.db")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def furnish(app: Flask, clock: Callable[[], object], *, published: datetime | None = None) -> None:
    """Load the demo place and publish its documents: now, or as of `published`."""
    with app.app_context():
        load_demo(now=clock())  # type: ignore[arg-type]
        publish_missing(now=published or clock())  # type: ignore[arg-type]
        db.session.commit()


@pytest.fixture(scope="session")
def furnished(run: Path, sqlite_templates: Path) -> Path:
    """A folder with both databases, the demo place in them, to be copied."""
    return _furnished(run, sqlite_templates, "furnished", None)


@pytest.fixture(scope="session")
def furnished_long_ago(run: Path, sqlite_templates: Path) -> Path:
    """As `furnished`, for real servers: by their clock too the documents are in force."""
    return _furnished(run, sqlite_templates, "furnished-long-ago", LONG_AGO)


def _furnished(run: Path, sqlite_templates: Path, name: str, published: datetime | None) -> Path:
    folder = run / name
    with locked(run / f"{name}.lock"):
        if not folder.exists():
            draft = Path(tempfile.mkdtemp(dir=run))
            for file in FILES:
                shutil.copyfile(sqlite_templates / file, draft / file)
            urls = (f"sqlite:///{draft / file}" for file in FILES)
            app = create_app(Settings.from_env(_environ(draft, *urls)))
            furnish(app, lambda: MORNING, published=published)
            _let_go(app)
            draft.rename(folder)
    return folder


@pytest.fixture
def place(
    request: pytest.FixtureRequest,
    app: Flask,
    database: Database,
    instance: Path,
    clock: SettableClock,
) -> Flask:
    """The site with the demo's place and documents, and no reservation."""
    if database.kind == "sqlite":
        furnished: Path = request.getfixturevalue("furnished")
        for file in FILES:
            shutil.copyfile(furnished / file, instance / file)
    else:
        _furnish_postgres(request.getfixturevalue("pair"), app, clock)
    return app


@pytest.fixture
def place_long_ago(
    request: pytest.FixtureRequest,
    app: Flask,
    database: Database,
    instance: Path,
    clock: SettableClock,
) -> Flask:
    """As `place`, for real servers: by their clock too the documents are in force."""
    if database.kind == "sqlite":
        furnished: Path = request.getfixturevalue("furnished_long_ago")
        for file in FILES:
            shutil.copyfile(furnished / file, instance / file)
    else:
        _furnish_postgres(request.getfixturevalue("pair"), app, clock, published=LONG_AGO)
    return app


def _furnish_postgres(
    pair: Pair, app: Flask, clock: SettableClock, *, published: datetime | None = None
) -> None:
    """Load the demo place, or put back the rows that it was the first time."""
    name = ("furnished", clock(), published)
    if name in pair.kept:
        _let_go(app)
        pair.give(pair.kept[name])
    else:
        furnish(app, clock, published=published)
        pair.keep(name)


@pytest.fixture
def visitor(place: Flask) -> Visitor:
    """Somebody without a cookie jar, who reads English."""
    return Visitor(place)
