"""The ground that every test stands on: a fresh, migrated site with a clock it can set.

Domain tests ask for `context` and call verbs; page tests ask for `client`. A
test marked `both_databases` runs on SQLite and again on PostgreSQL. Schemas are
migrated once a run; each test finds a copy, or a PostgreSQL database that was emptied.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar, Never

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

from app import create_app
from app.config import Settings
from app.core import schema
from app.core.database import db
from tests import postgres_rows
from tests.evidence import (  # noqa: F401 (hooks of pytest's)
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tests.postgres import (
    Cluster,
    PostgresFailed,
    PostgresMissing,
    locked,
    shared_cluster,
    wait_until_gone,
)
from tests.servers import LiveServer, LiveWorker, Program

# A Monday morning. It lies ahead, so that no cookie of a test has expired by
# the clock of the browser or library that keeps it.
MORNING = datetime(2031, 5, 5, 8, 0, tzinfo=UTC)

RUN = "RESERVED_TEST_RUN"
"""Names the variable that leads the processes of a run to the folder they share."""

# The same examples every time: a red run can be had again, and a green one means the same.
hypothesis.settings.register_profile("here", deadline=None, derandomize=True)
hypothesis.settings.load_profile("here")


# -- The run ------------------------------------------------------------------------------


TESTS_A_SWEEP = 50
_run = count(1)


def pytest_collection_finish() -> None:
    """Leave what is there for good to itself.

    Python would look through all of it, half a million objects, some thirty times in a hundred
    tests: a third of what tests took. What they leave behind is swept every so often instead.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def pytest_runtest_logfinish() -> None:
    """Sweep up after so many tests; what is still there then is there for good, as at the start."""
    if next(_run) % TESTS_A_SWEEP == 0:
        gc.collect()
        gc.freeze()


def _leads(config: pytest.Config) -> bool:
    """Whether this is the process that was started, not one that it started to share the work."""
    return not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the run's processes share, and the pipe that tells it goes on."""
    if _leads(config):
        run = Path(tempfile.mkdtemp(prefix="reserved-tests-"))
        os.environ[RUN] = str(run)
        os.mkfifo(run / "alive", 0o600)
        alive = os.open(run / "alive", os.O_RDWR)
        config.add_cleanup(partial(_finish, run, alive))


def _finish(run: Path, alive: int) -> None:
    os.close(alive)
    wait_until_gone(run)
    shutil.rmtree(run)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that is marked so on both databases.

    `both_databases(usually="sqlite")` is for long ones: the other one with `bin/test --all`.
    """
    mark = metafunc.definition.get_closest_marker("both_databases")
    if mark is None or "database" not in metafunc.fixturenames:
        return
    usually = mark.kwargs.get("usually")
    assert usually in {None, "sqlite", "postgresql"}
    kinds = []
    for kind, marks in (("sqlite", []), ("postgresql", [pytest.mark.postgres])):
        if usually not in {None, kind}:
            marks.append(pytest.mark.slow)
        kinds.append(pytest.param(kind, marks=marks))
    metafunc.parametrize("database", kinds, indirect=True)


def lacking(reason: str) -> Never:
    """Leave a test out, saying why; on CI, where everything must run, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


# -- Databases ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Database:
    """A fresh, migrated pair of databases: the book, and the persons' keys."""

    kind: str
    url: str
    keys_url: str


def _environ(instance: Path, url: str, keys_url: str) -> dict[str, str]:
    return {
        "SITE_MODE": "demo",
        "SITE_URL": "http://localhost",
        "INSTANCE_DIR": str(instance),
        "DATABASE_URL": url,
        "KEYS_DATABASE_URL": keys_url,
        "SECRET_KEY": "for tests only: " + "s" * 32,
        "MASTER_KEY": "for tests only: " + "m" * 32,
    }


def _let_go(app: Flask) -> None:
    """Close every connection of an app."""
    with app.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


def _migrate(url: str, keys_url: str) -> None:
    """Make the tables of both databases as an operator would: by the migrations."""
    with tempfile.TemporaryDirectory() as instance:
        app = create_app(Settings.from_env(_environ(Path(instance), url, keys_url)))
        try:
            schema.upgrade(app)
        finally:
            _let_go(app)


@pytest.fixture(scope="session")
def run() -> Path:
    """The folder that the processes of this run share."""
    return Path(os.environ[RUN])


@pytest.fixture(scope="session")
def sqlite_templates(run: Path) -> Path:
    """A folder with book.db and keys.db: migrated, empty, to be copied."""
    folder = run / "sqlite"
    with locked(run / "sqlite.lock"):
        if not folder.exists():
            draft = Path(tempfile.mkdtemp(dir=run))
            _migrate(f"sqlite:///{draft}/book.db", f"sqlite:///{draft}/keys.db")
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def cluster(run: Path) -> Cluster:
    """A PostgreSQL server with migrated, empty databases to copy: book, keys."""

    def make_templates(cluster: Cluster) -> None:
        cluster.create("book")
        cluster.create("keys")
        _migrate(cluster.url("book"), cluster.url("keys"))

    try:
        return shared_cluster(run, run / "alive", make_templates)
    except PostgresMissing as reason:
        lacking(str(reason))
    except PostgresFailed as reason:
        pytest.fail(f"PostgreSQL is of no use here:\n{reason}", pytrace=False)


class Pair:
    """A process's pair of databases, which every test of its finds as if new."""

    MOST = 40
    """So often they are emptied; then they are made anew, without what deleted rows leave."""

    def __init__(self, cluster: Cluster) -> None:
        """Begin without any."""
        self.cluster = cluster
        self.names = tuple(f"{one}_{os.getpid()}" for one in ("book", "keys"))
        self.fresh: tuple[postgres_rows.Rows, ...] = ()
        self.kept: dict[object, tuple[postgres_rows.Rows, ...]] = {}
        self.shape: tuple[str, ...] = ()
        self.given = 0
        self.made = False

    def give(self, rows: tuple[postgres_rows.Rows, ...] = ()) -> Database:
        """Return the pair with certain rows in it; without any said, those of the migrations."""
        urls = tuple(map(self.cluster.url, self.names))
        self.given += 1
        if self.made and (
            self.given % self.MOST == 0 or self.shape != tuple(map(postgres_rows.shape_of, urls))
        ):
            self.drop()
        if not self.made:
            self._make(urls)
        for url, there in zip(urls, rows or self.fresh, strict=True):
            postgres_rows.put(url, there)
        return Database("postgresql", *urls)

    def keep(self, name: object) -> None:
        """Remember what is in them now, to be given again under a name."""
        self.kept[name] = tuple(map(postgres_rows.rows_of, map(self.cluster.url, self.names)))

    def _make(self, urls: tuple[str, ...]) -> None:
        for name, template in zip(self.names, ("book", "keys"), strict=True):
            self.cluster.create(name, template)
        self.made = True
        self.fresh = tuple(map(postgres_rows.rows_of, urls))
        self.shape = tuple(map(postgres_rows.shape_of, urls))

    def drop(self) -> None:
        """Remove them."""
        if self.made:
            for name in self.names:
                self.cluster.drop(name)
            self.made = False


@pytest.fixture(scope="session")
def pair(cluster: Cluster) -> Iterator[Pair]:
    """The process's databases on the run's server."""
    ours = Pair(cluster)
    yield ours
    ours.drop()


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """The folder of the test's site, as INSTANCE_DIR names it."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def database(request: pytest.FixtureRequest, instance: Path) -> Iterator[Database]:
    """The databases of one test: SQLite, unless the test runs on both."""
    if getattr(request, "param", "sqlite") == "postgresql":
        pair: Pair = request.getfixturevalue("pair")
        yield pair.give()
        return
    templates: Path = request.getfixturevalue("sqlite_templates")
    for file in ("book.db", "keys.db"):
        shutil.copyfile(templates / file, instance / file)
    book, keys = (f"sqlite:///{instance / file}" for file in ("book.db", "keys.db"))
    yield Database("sqlite", book, keys)


# -- The site -----------------------------------------------------------------------------


class SettableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        """Begin at an aware instant."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the instant, in UTC."""
        return self.now.astimezone(UTC)

    def move(self, by: timedelta) -> datetime:
        """Let so much time pass, and return what the clock shows then."""
        self.now += by
        return self()

    def set(self, now: datetime) -> None:
        """Show another aware instant."""
        self.now = now


@pytest.fixture
def clock() -> SettableClock:
    """The site's clock: Monday, 5 May 2031, 08:00 UTC, ten o'clock at the demo place."""
    return SettableClock(MORNING)


@pytest.fixture
def environ(instance: Path, database: Database) -> dict[str, str]:
    """The environment of the test's site, for programs; `settings` is read from it."""
    return _environ(instance, database.url, database.keys_url)


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """The settings of the test's site, with secrets that are none.

    Passwords are hashed with little memory, or hashing would be half of what tests take.
    """
    return replace(Settings.from_env(environ), testing=True, password_memory=256)


class Templates(FileSystemBytecodeCache):
    """Compiled templates: of all processes in a folder, and of this one in memory."""

    known: ClassVar[dict[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what this process has, or else what another one wrote."""
        name = bucket.key + bucket.checksum
        if name not in self.known:
            super().load_bytecode(bucket)
            if bucket.code is None:
                return
            self.known[name] = bucket.code
        bucket.code = self.known[name]


_spoken: dict[str, tuple[Dialect, Any]] = {}


def _share_what_is_compiled(app: Flask, run: Path) -> None:
    """Give a site the templates and statements that the sites of earlier tests compiled.

    Every test has a site of its own; to compile all of it anew would take most of the time,
    and leave most of what has to be swept up.
    """
    folder = run / "templates"
    folder.mkdir(exist_ok=True)
    app.jinja_env.bytecode_cache = Templates(str(folder))
    with app.app_context():
        for engine in db.engines.values():
            kind = engine.dialect.name
            if kind not in _spoken:
                engine.connect().close()  # from here on the dialect knows its server
                _spoken[kind] = (engine.dialect, LRUCache(10_000))
            # What is compiled is known by its dialect, so they need the very same one.
            engine.dialect, engine._compiled_cache = _spoken[kind]
            engine.pool._dialect = engine.dialect


@pytest.fixture
def app(settings: Settings, clock: SettableClock, run: Path) -> Iterator[Flask]:
    """The test's site: migrated, empty, its clock in the test's hands."""
    app = create_app(settings, clock=clock)
    _share_what_is_compiled(app, run)
    yield app
    _let_go(app)
    # A job or a page may have swallowed it; nothing reads outside of its purposes.
    assert not app.extensions["purposes"].take(), "see app/core/reading_for.py"


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The site, with its session open to the test: for verbs and queries.

    Not for pages: a request made inside would share this session and user.
    """
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor without a past. Cookies are set with `set_cookie`: a Cookie header is ignored."""
    return app.test_client()


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL that is sent within the block."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def count_queries() -> Callable[[], AbstractContextManager[list[str]]]:
    """Count what a page asks: `with count_queries() as sent: …`, then `assert len(sent) <= 5`."""
    return statements


# -- Programs -----------------------------------------------------------------------------


@pytest.fixture
def serve(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Start real servers on the test's databases: `serve(workers=8)`; they end with the test."""
    started: list[Program] = []

    def start(*, env: dict[str, str] | None = None, **options: Any) -> LiveServer:
        own = {name: value for name, value in environ.items() if name != "SITE_URL"}
        server = LiveServer({**own, **(env or {})}, logs=tmp_path, **options)
        started.append(server.start())
        return server

    yield start
    for program in started:
        program.kill()


@pytest.fixture
def live_worker(environ: dict[str, str], tmp_path: Path) -> Iterator[LiveWorker]:
    """A real worker on the test's databases."""
    with LiveWorker(environ, logs=tmp_path) as worker:
        yield worker
