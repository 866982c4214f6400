"""Only who signed in has a session; it ends when it is ended, and no copy of it lives on."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import flask
import pytest
import sqlalchemy as sa

from app import create_app
from app.accounts.models import Account, SessionRow
from app.accounts.sessions import (
    HOUSE_ABSOLUTE_LIMIT,
    HOUSE_IDLE_LIMIT,
    SEEN_EVERY,
    begin_session,
    end_all,
)
from app.accounts.signin import make_owner_link
from app.core.database import db
from tests.accounts.ways import is_in, new_link, session_cookie, sign_in, sign_out, token_on

pytestmark = pytest.mark.clause("C04")

VISITORS_PAGES = ("/account/sign-in", "/account/signed-out", "/account/signed-out.css")


def rows(app):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(SessionRow))


# -- Visitors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", VISITORS_PAGES)
def test_a_visitor_gets_no_cookie_and_costs_no_look_up(client, count_queries, page):
    with count_queries() as sent:
        answer = client.get(page)

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    # What the frame says to everybody is read where it isn't known yet, and nothing else: the
    # place's name, and what is announced on every page.
    of_the_frame = ("FROM venue", "FROM announcement")
    assert [one for one in sent if not any(part in one for part in of_the_frame)] == []


def test_a_visitors_session_cannot_be_written_to(app):
    with app.test_request_context("/"):
        with pytest.raises(RuntimeError):
            flask.session["a"] = 1
        with pytest.raises(RuntimeError):
            flask.flash("a")

        assert not flask.session.is_kept


@pytest.mark.parametrize("cookie", ["planted", "", "a" * 3000, "é", '"', "' OR 1=1 --"])
def test_a_made_up_cookie_is_nobodys(client, cookie):
    client.set_cookie("session", cookie)

    answer = client.get("/owner/")

    assert answer.status_code == 303
    assert answer.location.startswith("/account/sign-in")
    assert "Set-Cookie" not in answer.headers


def test_a_made_up_cookie_waits_for_no_writer_and_so_stops_none(client, instance):
    client.set_cookie("session", "planted")
    writer = sqlite3.connect(instance / "book.db", isolation_level=None)

    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        answer = client.post("/account/sign-out")

    assert answer.status_code == 303


def test_a_stranger_is_brought_back_to_the_page_they_wanted(app, clock, client):
    answer = client.get("/owner/reservations?status=held")

    sign_in(app, clock, client)
    there = client.get(answer.location)

    assert there.location == "/owner/reservations?status=held"


# -- Signing in -------------------------------------------------------------------------------


def test_a_planted_cookie_does_not_become_the_owners(app, clock, client):
    attacker = app.test_client()
    for browser in (client, attacker):
        browser.set_cookie("session", "planted-by-somebody-else")

    sign_in(app, clock, client)

    assert session_cookie(client) != "planted-by-somebody-else"
    assert is_in(client)
    assert not is_in(attacker)


def test_signing_in_anew_ends_the_session_before(app, clock, client):
    sign_in(app, clock, client)
    before = session_cookie(client)
    path = new_link(app, clock)
    client.post(path, data={"csrf_token": token_on(client.get(path))})

    old = app.test_client()
    old.set_cookie("session", before)

    assert session_cookie(client) != before
    assert is_in(client)
    assert not is_in(old)


def test_the_cookie_is_kept_from_scripts_and_other_sites(app, clock, client):
    answer = client.post(new_link(app, clock))

    (cookie,) = answer.headers.getlist("Set-Cookie")
    parts = {part.strip() for part in cookie.split(";")[1:]}
    assert cookie.startswith("session=")
    assert parts == {"HttpOnly", "Path=/", "SameSite=Lax"}


def test_over_https_only_this_very_host_can_set_the_cookie(settings, clock):
    app = create_app(replace(settings, site_url="https://example.org"), clock=clock)
    client = app.test_client()
    with app.app_context():
        path = urlsplit(make_owner_link(now=clock())).path
        db.session.commit()

    entered = client.post(path, base_url="https://example.org")
    today = client.get("/owner/", base_url="https://example.org")
    left = client.post(
        "/account/sign-out",
        base_url="https://example.org",
        data={"csrf_token": token_on(today)},
        headers={"Origin": "https://example.org", "Referer": "https://example.org/owner/"},
    )

    for answer in (entered, left):
        (cookie,) = answer.headers.getlist("Set-Cookie")
        assert cookie.startswith("__Host-session=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    assert left.status_code == 303


# -- Signing out ------------------------------------------------------------------------------


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(app, clock, client):
    sign_in(app, clock, client)
    thief = app.test_client()
    thief.set_cookie("session", session_cookie(client))
    assert is_in(thief)

    answer = sign_out(client)

    assert (answer.status_code, answer.location) == (303, "/account/signed-out")
    assert session_cookie(client) is None
    assert not is_in(thief)
    assert rows(app) == 0


def test_signing_out_empties_the_browsers_store_of_pages(app, clock, client):
    sign_in(app, clock, client)

    page = client.get(sign_out(client).location)
    style = client.get("/account/signed-out.css")

    assert 'rel="stylesheet" href="/account/signed-out.css"' in page.text
    assert style.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert style.headers["Cache-Control"] == "no-store"
    assert style.mimetype == "text/css"


@pytest.mark.parametrize(
    ("headers", "clears"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Referer": "http://localhost/account/signed-out"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Referer": "https://elsewhere.example/"}, False),
    ],
)
def test_no_page_from_elsewhere_has_a_browser_drop_what_it_keeps_of_us(client, headers, clears):
    style = client.get("/account/signed-out.css", headers=headers)

    assert (style.status_code, "Clear-Site-Data" in style.headers) == (200, clears)


def test_signing_out_takes_a_form_of_our_own(app, clock, client):
    sign_in(app, clock, client)

    without = client.post("/account/sign-out")
    opened = client.get("/account/sign-out")

    assert without.status_code == 400
    assert opened.status_code == 405
    assert is_in(client)


def test_the_token_of_one_session_is_refused_in_another(app, clock, client):
    other = sign_in(app, clock, app.test_client())
    sign_in(app, clock, client)

    answer = client.post("/account/sign-out", data={"csrf_token": token_on(other.get("/owner/"))})

    assert answer.status_code == 400
    assert is_in(client)


def test_every_session_of_an_account_can_be_ended_at_once(app, clock):
    browsers = [sign_in(app, clock, app.test_client()) for _ in range(3)]

    with app.app_context():
        ended = end_all(db.session.scalar(sa.select(Account)))
        db.session.commit()

    assert ended == 3
    assert not any(is_in(browser) for browser in browsers)


# -- Limits -----------------------------------------------------------------------------------


def test_a_session_ends_when_it_is_not_used(app, clock, client):
    sign_in(app, clock, client)

    clock.move(HOUSE_IDLE_LIMIT - timedelta(seconds=1))
    in_time = is_in(client)
    clock.move(HOUSE_IDLE_LIMIT)

    assert in_time
    assert not is_in(client)


def test_a_session_ends_for_good_however_much_it_is_used(app, clock, client):
    sign_in(app, clock, client)
    last = clock() + HOUSE_ABSOLUTE_LIMIT

    while clock() + HOUSE_IDLE_LIMIT / 2 < last:
        clock.move(HOUSE_IDLE_LIMIT / 2)
        assert is_in(client)
    clock.set(last)

    assert not is_in(client)


def test_use_is_noted_once_a_minute(app, clock, client, count_queries):
    sign_in(app, clock, client)

    def writes():
        with count_queries() as sent:
            client.get("/account/sign-in")
        return sum(statement.startswith("UPDATE session") for statement in sent)

    at_once = writes()
    clock.move(SEEN_EVERY)

    assert at_once == 0
    assert [writes(), writes()] == [1, 0]


def test_dead_sessions_are_cleared_away_at_the_next_sign_in(app, clock):
    for _ in range(3):
        sign_in(app, clock, app.test_client())
    clock.move(HOUSE_IDLE_LIMIT)

    sign_in(app, clock, app.test_client())

    assert rows(app) == 1


# -- Who may ----------------------------------------------------------------------------------


def test_who_is_not_the_owner_finds_nothing(app, clock, client):
    sign_in(app, clock, client)
    with app.app_context():
        # The schema knows no other role yet; a later one must not open these pages.
        db.session.execute(sa.text("PRAGMA ignore_check_constraints = ON"))
        db.session.execute(sa.update(Account).values(role="guest"))
        db.session.commit()

    assert client.get("/owner/").status_code == 404


def test_a_session_goes_with_its_account(app, clock, client):
    sign_in(app, clock, client)
    with app.app_context():
        db.session.execute(sa.delete(Account))
        db.session.commit()

    assert not is_in(client)


def test_two_sessions_never_share_an_id_or_a_token(app, clock):
    with app.app_context():
        make_owner_link(now=clock())
        account = db.session.scalar(sa.select(Account))
        ids = {begin_session(account, now=clock(), strong=True) for _ in range(50)}
        tokens = set(db.session.scalars(sa.select(SessionRow.csrf_token)))

    assert len(ids) == len(tokens) == 50
