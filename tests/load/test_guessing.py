"""Whoever guesses a password has so many tries, however many guess at once and wherever.

Guessers in ten processes, before eight processes of the real server. The rightful person
is never locked out by them: an open session, another network and a mailed link all work.
"""

import http.client
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import mail_links
from app.accounts.entering import NAME_ANYWHERE, NAME_HERE
from app.accounts.models import Account
from app.accounts.sessions import begin_session
from app.core.database import db
from tests.accounts.ways import EMAIL, PASSWORD, make_guest
from tests.conftest import SettableClock
from tests.load.crowd import Said, press_at_once
from tests.load.live import PreloadedServer
from tests.servers import LiveServer

WRONG = "a wrong password, long enough"
HERE = "192.0.2.7"
ELSEWHERE = "198.51.100.7"
REFUSED, TOO_OFTEN, TOO_BUSY = 422, 429, 503

pytestmark = [pytest.mark.clause("C17")]

Serve = Callable[..., PreloadedServer]


class Reply(NamedTuple):
    """What one request was answered."""

    status: int
    location: str
    text: str


def ask(
    server: LiveServer,
    method: str,
    path: str,
    fields: Mapping[str, str] | None = None,
    *,
    address: str = ELSEWHERE,
    cookie: str = "",
) -> Reply:
    """Send one request as a proxy hands it on."""
    headers = {"Host": server.host, "Origin": server.url, "X-Forwarded-For": address}
    if cookie:
        headers["Cookie"] = f"session={cookie}"
    if fields is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        line.request(method, path, urlencode(fields) if fields is not None else None, headers)
        answer = line.getresponse()
        text = answer.read().decode()
        return Reply(answer.status, answer.headers.get("Location", ""), text)
    finally:
        line.close()


def sign_in(server: LiveServer, name: str, password: str, *, address: str) -> Reply:
    """Send the form to sign in."""
    fields = {"name": name, "password": password}
    return ask(server, "POST", "/account/sign-in", fields, address=address)


def guess(server: LiveServer, name: str, times: int, **network: str) -> list[Said]:
    """Guess so often at one moment."""
    fields = {"name": name, "password": WRONG}
    return press_at_once(server, [("/account/sign-in", fields)] * times, **network)


def looked_at(said: Sequence[Said]) -> int:
    """Return how many tries got as far as the password; nobody may have seen anything else."""
    counted = Counter(answer.status for answer in said)
    assert set(counted) <= {REFUSED, TOO_OFTEN, TOO_BUSY}, counted
    return len(said) - counted[TOO_OFTEN]


def session_of(app: Flask, account_id: int, *, now: datetime) -> str:
    """Begin a session and return its token."""
    with app.app_context():
        account = db.session.get(Account, account_id)
        assert account is not None
        token = begin_session(account, now=now, strong=False)
        db.session.commit()
        return token


def mailed_way_in(app: Flask, account_id: int, *, now: datetime) -> str:
    """Return the path of a link as it would be mailed."""
    with app.app_context():
        account = db.session.get(Account, account_id)
        assert account is not None
        link = mail_links.send(account, mail_links.WAY_IN, to=EMAIL, now=now)
        address = mail_links.address(link, language="en")
        db.session.commit()
    return urlsplit(address).path


def sessions(app: Flask) -> int:
    """Return how many sessions there are."""
    with app.app_context():
        return int(db.session.scalar(sa.text("SELECT count(*) FROM session")))


@pytest.mark.both_databases(usually="sqlite")
def test_guessers_of_one_name_share_its_tries_and_its_person_still_comes_in(
    place: Flask, clock: SettableClock, serve: Serve
) -> None:
    """Ten tries of one network, a hundred of all, whichever of eight processes they meet."""
    account_id = make_guest(place, clock)
    token = session_of(place, account_id, now=clock())
    server = serve(workers=8)

    one_network = looked_at(guess(server, EMAIL, 40, address=HERE))
    assert one_network == NAME_HERE.burst
    assert sign_in(server, EMAIL, PASSWORD, address=HERE).status == TOO_OFTEN
    assert sign_in(server, EMAIL, PASSWORD, address=ELSEWHERE).status == 303
    assert sign_in(server, "somebody.else", WRONG, address=HERE).status == REFUSED

    everywhere = looked_at(guess(server, EMAIL, NAME_ANYWHERE.burst + 20))
    # The one who came in from elsewhere was a try as well.
    assert one_network + everywhere + 1 == NAME_ANYWHERE.burst
    assert sign_in(server, EMAIL, PASSWORD, address=ELSEWHERE).status == TOO_OFTEN
    before = sessions(place)
    page = ask(server, "GET", "/account", cookie=token, address=HERE)
    entered = ask(server, "POST", mailed_way_in(place, account_id, now=clock()), {}, address=HERE)
    assert page.status == 200
    assert (entered.status, sessions(place)) == (303, before + 1)

    server.stop()
    server = serve(workers=8)
    assert sign_in(server, EMAIL, PASSWORD, address="203.0.113.7").status == TOO_OFTEN
    assert looked_at(guess(server, EMAIL, 20)) == 0


@pytest.mark.both_databases(usually="postgresql")
def test_a_name_that_nobody_has_is_limited_all_the_same(
    place: Flask, clock: SettableClock, serve: Serve
) -> None:
    """The limits tell a guesser nothing about who has an account."""
    make_guest(place, clock)
    server = serve(workers=8)

    said = guess(server, "nobody@post.example", 30, address=HERE)

    assert looked_at(said) == NAME_HERE.burst
    known = guess(server, EMAIL, 30, address=HERE)
    texts = {answer.status: answer.text for answer in known}
    for answer in said:
        assert answer.text.replace("nobody@post.example", EMAIL) == texts[answer.status]
