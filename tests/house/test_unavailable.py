"""Where nothing can be written for the moment, people read on, and are told to try again (C19)."""

import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import create_app
from app.booking.models import Reservation
from app.core import mail
from app.core.database import db, patience
from app.core.outbox import Job
from app.core.unavailable import AWAY, BUSY, FULL, why_unavailable
from app.core.worker import tidy
from app.web import pages
from tests.accounts.ways import sign_in
from tests.house.visitor import Visitor

SHORTLY = 50  # milliseconds


@pytest.fixture
def somebody_writes(instance, monkeypatch):
    """Have another program hold SQLite's write lock, and nobody wait for it for long."""
    monkeypatch.setattr(pages, "PATIENCE_OF_PAGES", SHORTLY)

    @contextmanager
    def hold():
        with closing(sqlite3.connect(instance / "book.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.rollback()

    return hold


def reservations(app):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Reservation))


def test_while_others_write_pages_are_read_and_a_hold_is_asked_to_come_again(
    place, visitor, somebody_writes
):
    basket = visitor.choose_stay()

    with somebody_writes():
        assert visitor.open("/").status == 200
        assert visitor.open("/offers/reed-room").status == 200
        refused = visitor.send(basket.form("/hold"), go_on=False)

    assert (refused.status, refused.header("Retry-After")) == (503, "10")
    assert refused.title == "Not just now: please try again in a minute"
    assert reservations(place) == 0
    held = visitor.send(refused.form("/hold"))
    assert held.status == 200
    assert reservations(place) == 1


def test_what_was_typed_comes_back_and_is_sent_by_a_button(visitor, somebody_writes):
    details = visitor.hold(visitor.choose_stay(query="lang=de"))

    with somebody_writes():
        refused = visitor.send(details.form(), go_on=False, name="Änne <b>", email="a@post.example")

    assert refused.status == 503
    assert refused.soup.html["lang"] == "de"
    assert refused.title.startswith("Gerade nicht")
    assert "Änne <b>" not in refused.text
    check = visitor.send(refused.form(), agrees="y")
    assert "Änne <b>" in check.words


def test_neither_a_password_nor_a_card_number_comes_back(client, somebody_writes):
    with somebody_writes():
        password = client.post("/account/sign-in", data={"name": "a@b.example", "password": "Ibis"})
        card = client.post(
            "/cookies", data={"choice": "refuse", "note": "My card is 4111 1111 1111 1111"}
        )

    for page in (password, card):
        assert page.status_code == 503
        assert 'name="password"' not in page.text
        assert 'name="note"' not in page.text
        assert "Ibis" not in page.text
        assert "4111" not in page.text


def test_who_is_signed_in_stays_so_and_reads_on(place, clock, somebody_writes, caplog):
    owner = sign_in(place, clock, place.test_client())
    clock.move(timedelta(minutes=2))  # so that their use would be noted

    with somebody_writes():
        page = owner.get("/owner/system")

    assert page.status_code == 200
    assert "OperationalError" in caplog.text
    assert owner.get("/owner/").status_code == 200


def test_nobody_is_signed_out_by_a_book_that_cannot_be_opened(place, clock, instance):
    owner = sign_in(place, clock, place.test_client())
    with place.app_context():
        db.engine.dispose()
    (instance / "book.db").rename(instance / "away.db")
    (instance / "book.db").mkdir()

    page = owner.get("/owner/")
    (instance / "book.db").rmdir()
    (instance / "away.db").rename(instance / "book.db")

    assert page.status_code == 503
    assert owner.get("/owner/").status_code == 200


def test_a_process_that_has_never_seen_the_book_says_so_in_a_whole_page(
    place, settings, clock, visitor, instance
):
    basket = visitor.choose_stay()
    fresh = create_app(settings, clock=clock)
    other = Visitor(fresh, headers={"Accept-Language": "de"})
    for app in (place, fresh):
        with app.app_context():
            db.engine.dispose()
    (instance / "book.db").rename(instance / "away.db")
    (instance / "book.db").mkdir()

    pages = [other.open("/"), other.open(basket.url.partition("?")[0]), other.send(basket.form())]
    (instance / "book.db").rmdir()
    (instance / "away.db").rename(instance / "book.db")
    with fresh.app_context():
        db.engine.dispose()

    for page in pages:
        assert (page.status, page.soup.html["lang"]) == (503, "de")
        assert page.soup.main is not None
        assert "nichts nur halb getan" in page.words


def test_the_worker_outlives_a_book_that_is_locked_and_does_its_work_after(
    context, clock, somebody_writes, caplog
):
    now = clock()
    db.session.add(Job(topic="nothing", payload={}, created_at=now, not_before=now, attempts=0))
    db.session.commit()
    token = patience.set(SHORTLY)

    with somebody_writes():
        tidy(now)
    patience.reset(token)
    before = db.session.scalars(sa.select(Job.attempts)).all()
    db.session.rollback()
    tidy(now)

    assert before == [0]
    assert db.session.scalars(sa.select(Job.attempts)).all() == [1]
    assert "the outbox waits: OperationalError" in caplog.text


def test_half_a_mail_is_never_left_in_the_folder(place, clock, instance):
    (instance / "mail" / "7-hello.eml").mkdir(parents=True)  # in its way
    message = mail.make_message(
        "Hello\nYou", sender=("House", "house@place.example"), to=("You", "you@post.example"),
        message_id="<7@place.example>", language="en", now=clock(),
    )  # fmt: skip

    with pytest.raises(OSError, match="directory"):
        mail.deliver(message, name="7-hello", egress=place.extensions["egress"], instance=instance)

    assert [path.name for path in (instance / "mail").iterdir()] == ["7-hello.eml"]


def _of_sqlite(code):
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code
    return sa.exc.OperationalError("", {}, error)


def _of_postgresql(state):
    error = Exception()
    error.sqlstate = state
    return sa.exc.OperationalError("", {}, error)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (_of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), BUSY),
        (_of_sqlite(sqlite3.SQLITE_FULL), FULL),
        (_of_sqlite(sqlite3.SQLITE_IOERR_WRITE), FULL),
        (_of_sqlite(sqlite3.SQLITE_READONLY), None),
        (_of_sqlite(sqlite3.SQLITE_CORRUPT), None),
        (_of_postgresql("53100"), FULL),
        (_of_postgresql("53300"), BUSY),
        (_of_postgresql("57P01"), AWAY),
        (_of_postgresql(None), AWAY),
        (_of_postgresql("25006"), None),
        (_of_postgresql("42P01"), None),
        (OSError(28, "No space left on device"), FULL),
        (OSError(2, "No such file"), None),
        (ValueError(), None),
    ],
)
def test_a_bug_is_not_taken_for_a_database_that_is_away(error, why):
    assert why_unavailable(error) == why
