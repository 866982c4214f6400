"""Visitors who answer, what their browsers keep of it, and what the server wrote down."""

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.consent import chain, notice
from app.consent.choices import Choice, from_cookie
from app.consent.deciding import Circumstances, Controller, Decided, decide
from app.consent.models import ActivityLine, Entry, Glance, Grant
from app.core.database import db
from app.web.cookies import Category

COOKIES = ("choice", "preferences", "statistics", "suggestions")
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
GPC = {"Sec-GPC": "1"}


def answer(client: FlaskClient, choice: str, *, headers: Any = None, **fields: Any) -> Any:
    """Press a button of the question."""
    sent = {**OWN, **(headers or {})}
    return client.post("/cookies", data={"choice": choice, **fields}, headers=sent)


def jar(client: FlaskClient) -> dict[str, str]:
    """Return what the browser keeps of the answer."""
    found = {name: client.get_cookie(name, domain="localhost") for name in COOKIES}
    return {name: cookie.value for name, cookie in found.items() if cookie}


def choice_in(app: Flask, client: FlaskClient, now: datetime) -> Choice | None:
    """Return the choice that a browser's cookie says."""
    return from_cookie(jar(client).get("choice", ""), app.extensions["choice_secret"], now=now)


def records(app: Flask) -> list[dict[str, Any]]:
    """Return every record in the chain, in its order."""
    with app.app_context():
        rows = db.session.scalars(sa.select(Entry).order_by(Entry.position))
        return [json.loads(row.body or "null") for row in rows]


def grants(app: Flask) -> list[str]:
    """Return the categories of the living grants."""
    with app.app_context():
        return sorted(db.session.scalars(sa.select(Grant.category)))


def note_something(app: Flask, now: datetime) -> None:
    """Write a line and a glance under every grant, as the site does."""
    with app.app_context():
        for grant in db.session.scalars(sa.select(Grant)):
            line = {"kind": "page", "what": "/", "referring_host": "", "device": "phone"}
            db.session.add(ActivityLine(grant=grant, at=now, browser="", system="", **line))
            db.session.add(Glance(grant=grant, what="reed-room", last_at=now))
        db.session.commit()


def noted(app: Flask) -> int:
    """Return how many lines and glances there are."""
    with app.app_context():
        found = [sa.select(sa.func.count()).select_from(model) for model in (ActivityLine, Glance)]
        return sum(db.session.scalar(query) or 0 for query in found)


def faults(app: Flask, now: datetime) -> list[str]:
    """Return what is wrong with the chain."""
    with app.app_context():
        return [f"{finding.position}: {finding.what}" for finding in chain.verify(now=now)]


def decided(
    now: datetime,
    previous: Decided | None = None,
    *,
    how: str = "page",
    signal: str = "",
    account_id: int | None = None,
    person_id: str | None = None,
    **said: bool,
) -> Decided:
    """Decide as the verb does, in an app's context, and commit: `statistics=True` and the like."""
    around = Circumstances(
        how=how,
        shown=notice.present(),
        controller=Controller("Haus", "https://example.org"),
        signal=signal,
        account_id=account_id,
        person_id=person_id,
    )
    answers = {Category(name): yes for name, yes in said.items()}
    before = previous.choice if previous else None
    held = dict(previous.tokens) if previous else {}
    made = decide(answers, before, held, around, now=now)
    db.session.commit()
    return made


A_DAY = timedelta(days=1)
