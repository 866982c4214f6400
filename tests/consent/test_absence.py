"""Whoever refuses, however they refuse, leaves not one byte of their browser behind (C09, C10).

Real servers and a real worker are visited by browsers that are full of canaries; then
every byte of every file and of every table is searched for them. Under consent the
same visit is noted, and the same search finds it: it isn't blind.
"""

import base64
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from urllib.parse import quote_plus

import psycopg
import pytest
from flask import Flask

from tests.conftest import Database, _let_go
from tests.consent.traces import Canaries, Wanderer, dump, left_in_files, rows, search
from tests.servers import LiveServer, LiveWorker

pytestmark = pytest.mark.clause("C09")

NOTED = ("activity_line", "glance", "consent_grant")
# Around the real site, two addresses that fail with all that a request has in their errors.
FAILING = '''
"""The site, and two addresses that fail with all that a request says."""

import sqlalchemy as sa
from flask import request

from app.core.database import db
from wsgi import app


def all_of_it():
    return f"{request.environ} {request.cookies} {request.remote_addr}"


@app.route("/fails", methods=["GET", "POST"], defaults={"what": ""})
@app.get("/fails/<what>")
def fails(what):
    raise ValueError(all_of_it())


@app.get("/fails-to-read/<what>")
def fails_to_read(what):
    db.session.execute(sa.text("SELECT :what FROM nowhere"), {"what": all_of_it()})
'''


@dataclass
class Ground:
    """A furnished site behind a real server with its worker, and all that they leave."""

    server: LiveServer
    worker: LiveWorker
    database: Database
    folder: Path  # everything that the programs can write to
    postgres_log: Path | None

    def count(self, table: str) -> int:
        """Return how many rows a table of the book has."""
        if self.database.kind == "postgresql":
            with psycopg.connect(self.database.url) as connection:
                return rows(connection, table)
        connection = sqlite3.connect(self.database.url.removeprefix("sqlite:///"))
        try:
            return rows(connection, table)
        finally:
            connection.close()

    def left_of(self, *visitors: Canaries) -> list[str]:
        """Return where anything lies that these browsers said."""
        found = left_in_files(self.folder, visitors)
        tables = b""
        if self.database.kind == "postgresql":
            tables = dump(self.database.url) + dump(self.database.keys_url)
        if self.postgres_log:
            tables += self.postgres_log.read_bytes()
        return found + [f"PostgreSQL: {what}" for what in search(tables, visitors)]

    def wait_for_mails(self, count: int) -> None:
        """Wait until the worker has sent so many mails."""
        wait_until(lambda: len(list(self.folder.glob("instance/mail/*.eml"))) >= count)

    def stop(self) -> None:
        """End the programs as an operator would: the last thing that they can write is written."""
        self.server.stop()
        self.worker.stop()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for another program."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


@pytest.fixture
def ground(
    request: pytest.FixtureRequest,
    place_long_ago: Flask,
    database: Database,
    environ: dict[str, str],
    tmp_path: Path,
    serve: Callable[..., LiveServer],
) -> Iterator[Ground]:
    """The demo place behind its real server and worker, with a temporary folder of their own."""
    _let_go(place_long_ago)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "around").mkdir()
    (tmp_path / "around" / "failing.py").write_text(FAILING)
    own = {"TMPDIR": str(tmp_path / "temporary")}
    log = None
    if database.kind == "postgresql":
        log = Path(request.getfixturevalue("cluster").folder) / "log"
    with LiveWorker({**environ, **own}, logs=tmp_path) as worker:
        server = serve(env=own, target="failing:app", pythonpath=(tmp_path / "around",), workers=2)
        yield Ground(server, worker, database, tmp_path, log)
        shutil.rmtree(tmp_path / "around")


def visit(visitor: Wanderer) -> None:
    """Look around, send what no form sends, book, pay, and cancel."""
    visitor.look_around()
    visitor.ask_oddly()
    reservation, cancelled = visitor.book_and_cancel()
    assert (reservation.status, cancelled.status) == (200, 200)
    assert {page.status for page in visitor.seen} >= {200, 303, 400, 403, 404, 405, 422, 500}


def refusing(server: LiveServer, canaries: Canaries) -> Wanderer:
    """Somebody who presses the banner's second button."""
    visitor = Wanderer(server, canaries, plants=False)
    visitor.answer(visitor.open(f"/?{canaries.query}"), "refuse")
    return visitor


def without_a_jar(server: LiveServer, canaries: Canaries) -> Wanderer:
    """Somebody whose browser keeps no cookies, and who says no."""
    visitor = Wanderer(server, canaries, keeps_cookies=False, plants=False)
    page = visitor.answer(visitor.open(f"/?{canaries.query}"), "refuse")
    assert "cookies=none" in page.url
    return visitor


WAYS: dict[str, Callable[[LiveServer, Canaries], Wanderer]] = {
    "silent": Wanderer,
    "refusing": refusing,
    "gpc": lambda server, canaries: Wanderer(server, canaries, headers={"Sec-GPC": "1"}),
    "dnt": lambda server, canaries: Wanderer(server, canaries, headers={"DNT": "1"}),
    "jarless": without_a_jar,
    "jarless and silent": lambda server, canaries: Wanderer(server, canaries, keeps_cookies=False),
}


def canaries_of(way: str) -> Canaries:
    """Return what the browser of somebody says who goes that way."""
    number = 11 + list(WAYS).index(way) if way in WAYS else sum(way.encode()) % 100 + 100
    return Canaries(f"zeisig{way.replace(' ', '')}q", number)


@pytest.mark.both_databases(usually="postgresql")
@pytest.mark.clause("C10")
def test_whoever_refuses_leaves_no_trace_anywhere(ground: Ground) -> None:
    all_of_them = {way: canaries_of(way) for way in WAYS}

    for way, canaries in all_of_them.items():
        visit(WAYS[way](ground.server, canaries))
    ground.wait_for_mails(2 * len(WAYS))

    assert {table: ground.count(table) for table in NOTED} == dict.fromkeys(NOTED, 0)
    assert ground.left_of(*all_of_them.values()) == []
    ground.stop()
    assert {table: ground.count(table) for table in NOTED} == dict.fromkeys(NOTED, 0)
    assert ground.left_of(*all_of_them.values()) == []


@pytest.mark.both_databases(usually="sqlite")
@pytest.mark.clause("C10")
@pytest.mark.parametrize("how", ["the foot", "a signal"])
def test_withdrawing_takes_away_what_was_noted_and_nothing_more_is(
    ground: Ground, how: str
) -> None:
    before, after = canaries_of("before"), canaries_of("after")
    visitor = Wanderer(ground.server, before, plants=False)
    visitor.answer(visitor.open("/"), "accept")
    visitor.look_around()
    wait_until(lambda: ground.count("activity_line") > 10)

    leaving = visitor.open("/contact")
    visitor.canaries, visitor.headers = after, dict(after.headers)
    if how == "the foot":
        visitor.answer(leaving, "refuse", where=".withdraw")
    else:
        visitor.headers["Sec-GPC"] = "1"
        visitor.open("/")
    assert {table: ground.count(table) for table in NOTED} == dict.fromkeys(NOTED, 0)
    assert ground.left_of(before) == []  # at once, and while other programs are running
    visit(visitor)
    ground.stop()

    assert {table: ground.count(table) for table in NOTED} == dict.fromkeys(NOTED, 0)
    assert ground.left_of(before, after) == []
    assert set(visitor.jar or ()) == {"choice", "basket"}


@pytest.mark.both_databases(usually="sqlite")
def test_under_consent_the_same_visit_is_noted_and_the_search_finds_it(ground: Ground) -> None:
    canaries = canaries_of("agreeing")
    visitor = Wanderer(ground.server, canaries, plants=False)
    visitor.answer(visitor.open("/"), "accept")

    visit(visitor)
    wait_until(lambda: ground.count("activity_line") > 10)
    ground.stop()

    left = ground.left_of(canaries)
    assert left, "the search is blind"
    # The name of the site that they came from, as the register says, and not a word more.
    assert {what.rpartition(" ")[2] for what in left} == {f"{canaries.word}host"}
    assert ground.count("consent_grant") == 2
    assert ground.count("glance") > 0


@pytest.mark.parametrize(
    "kept",
    [
        lambda one: one.headers["User-Agent"].upper().encode(),
        lambda one: quote_plus(one.query).encode(),
        lambda one: b"x" + base64.urlsafe_b64encode(b"a=" + one.headers["Referer"].encode()),
        lambda one: one.cookies["_ga"].encode().hex().upper().encode(),
        lambda one: b"at " + one.address.encode(),
        lambda one: bytes(map(int, one.address.split("."))).hex().encode(),
        lambda one: sha256(one.headers["User-Agent"].encode()).digest(),
        lambda one: sha256(one.address.encode()).hexdigest().upper().encode(),
        lambda one: base64.b64encode(md5(one.query.encode(), usedforsecurity=False).digest()),
    ],
)
def test_the_search_finds_a_canary_in_every_coding(kept: Callable[[Canaries], bytes]) -> None:
    canaries, another = canaries_of("gpc"), canaries_of("dnt")
    content = bytes(5000) + b"anything" + kept(canaries) + bytes(5000)

    assert search(content, [canaries])
    assert search(content, [another]) == []
