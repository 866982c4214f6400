"""Who is refused is told so in their language, and looking costs no request a query (C12)."""

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.continuity import serving
from app.core import erasures
from app.core.database import db
from app.core.outbox import Job, enqueue
from app.core.worker import tidy


@pytest.fixture
def behind(place, clock):
    """A book that lacks an entry of the ledger."""
    erasures.enter(["a" * 32], erasures.ASKED, now=clock())
    return place


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_a_book_that_lacks_an_entry_is_not_served(behind, client, caplog):
    with caplog.at_level(logging.ERROR):
        assert serving.check(behind) is not None

    for path in ("/", "/account/data", "/owner/", "/feeds/x.ics", "/readyz"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Retry-After"]
    assert client.post("/cookies", data={"choice": "refuse"}).status_code == 503
    assert client.get("/healthz").status_code == 200
    assert "backup restore --finish" in caplog.text


@pytest.mark.clause("C12")
def test_static_files_are_served_all_the_same(behind, client):
    name = next(rule for rule in behind.url_map.iter_rules() if rule.rule.startswith("/static/"))
    serving.check(behind)

    assert client.get("/static/nothing.css").status_code == 404
    assert name


@pytest.mark.parametrize("language", ["en", "de", "fr", "zh"])
def test_the_page_is_in_the_visitors_language(behind, client, language):
    serving.check(behind)

    page = client.get("/", headers={"Accept-Language": language}).text

    assert f'<html lang="{language}' in page
    assert "backup restore" not in page


@pytest.mark.clause("C12")
def test_an_entry_that_is_noted_in_the_book_is_no_reason(behind):
    erasures.apply(erasures.missing())
    db.session.commit()

    assert serving.check(behind) is None


@pytest.mark.clause("C12")
def test_a_book_from_before_the_ledger_is_refused_too(behind):
    db.session.execute(sa.text("DROP TABLE erasure_applied"))
    db.session.commit()

    assert serving.check(behind) is not None


@pytest.mark.clause("C12")
def test_the_worker_does_nothing_with_a_book_that_is_not_served(behind, clock):
    enqueue("later", {}, now=clock())
    db.session.commit()
    clock.move(timedelta(minutes=1))

    tidy(clock())

    assert db.session.scalar(sa.select(Job.attempts)) == 0


@pytest.mark.clause("C12")
def test_a_restore_that_begins_stops_every_process_at_once(place, client, settings):
    assert client.get("/").status_code == 200
    serving.mark(settings, stage="replacing")
    assert client.get("/").status_code == 503
    assert "not finished" in client.get("/readyz").text
    serving.unmark(settings)
    assert client.get("/").status_code == 200


def test_looking_costs_a_request_no_query(place, client, count_queries):
    client.get("/contact")
    with count_queries() as before:
        client.get("/contact")
    serving.check(place)
    with count_queries() as after:
        client.get("/contact")

    assert len(after) == len(before)
    assert not any("erasure" in statement for statement in after)
