"""The demo place behind its real server, eight processes strong, on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from app.booking.demo import load_demo
from app.core.database import db
from app.policy.documents import publish_missing
from tests.conftest import SettableClock
from tests.load.books import Books
from tests.load.guests import Guest
from tests.load.live import FileClock, PreloadedServer, Sweeper
from tests.load.preloaded import TEMPLATES
from tests.servers import Program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.load)


@pytest.fixture
def clock(tmp_path: Path) -> SettableClock:
    """The clock of the test, and of servers that are started with `mortal=True`."""
    return FileClock(tmp_path / "clock", datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def place(app: Flask, clock: SettableClock) -> Flask:
    """The site with the demo place, in which nobody has booked anything."""
    with app.app_context():
        publish_missing(now=clock())
        load_demo(now=clock())
        db.session.commit()
    return app


@pytest.fixture
def books(place: Flask, clock: SettableClock) -> Books:
    """What the databases and the mail folder hold, read by the test itself."""
    return Books(place, clock)


@pytest.fixture
def sharing(environ: dict[str, str], run: Path) -> dict[str, str]:
    """The environment of the test's programs: they share what they compile of the templates."""
    return {**environ, TEMPLATES: str(run / "templates")}


@pytest.fixture
def serve(
    place: Flask, sharing: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., PreloadedServer]]:
    """Start the place's server: `serve(workers=8)`; `mortal=True` starts that of `mortal`."""
    started: list[Program] = []

    def start(*, workers: int = 8, mortal: bool = False) -> PreloadedServer:
        server = PreloadedServer(sharing, files=tmp_path, workers=workers, mortal=mortal)
        started.append(server.start())
        return server

    yield start
    for program in started:
        program.kill()


@pytest.fixture
def sweeper(place: Flask, sharing: dict[str, str], tmp_path: Path) -> Iterator[Sweeper]:
    """The worker, doing a round when it is told to."""
    sweeper = Sweeper(sharing, files=tmp_path)
    yield sweeper
    sweeper.stop()


@pytest.fixture
def guest(serve: Callable[..., PreloadedServer]) -> Guest:
    """Somebody who visits the place, while eight processes serve it."""
    return Guest(serve())
