"""The demo place, loaded once a run and copied for each test, and visitors to it."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.booking.demo import load_demo
from app.config import Settings
from app.core.database import db
from app.policy.documents import publish_missing
from tests.conftest import MORNING, Database, SettableClock, _environ, _let_go
from tests.house.visitor import Visitor
from tests.postgres import locked

FILES = ("book.db", "keys.db")


def furnish(app: Flask, clock: Callable[[], object]) -> None:
    """Load the demo place and publish its documents."""
    with app.app_context():
        load_demo(now=clock())  # type: ignore[arg-type]
        publish_missing(now=clock())  # type: ignore[arg-type]
        db.session.commit()


@pytest.fixture(scope="session")
def furnished(run: Path, sqlite_templates: Path) -> Path:
    """A folder with both databases, the demo place in them, to be copied."""
    folder = run / "furnished"
    with locked(run / "furnished.lock"):
        if not folder.exists():
            draft = Path(tempfile.mkdtemp(dir=run))
            for file in FILES:
                shutil.copyfile(sqlite_templates / file, draft / file)
            urls = (f"sqlite:///{draft / file}" for file in FILES)
            app = create_app(Settings.from_env(_environ(draft, *urls)))
            furnish(app, lambda: MORNING)
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
        furnish(app, clock)
    return app


@pytest.fixture
def visitor(place: Flask) -> Visitor:
    """Somebody without a cookie jar, who reads English."""
    return Visitor(place)
