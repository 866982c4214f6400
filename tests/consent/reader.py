"""A visitor whose responses are closed as a server closes them, for only then a line is written."""

from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.consent.models import ActivityLine, Entry, Grant
from app.core.database import db

PHONE = "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


class Reader(FlaskClient):
    """Flask's own client leaves a response open until somebody closes it."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, and take the whole response."""
        return super().open(*args, **{"buffered": True, **kwargs})


def reader(app: Flask, user_agent: str = PHONE) -> Reader:
    """Return a new visitor with a cookie jar."""
    found = Reader(app, app.response_class, use_cookies=True)
    found.environ_base = {"HTTP_USER_AGENT": user_agent, "REMOTE_ADDR": "203.0.113.77"}
    return found


def agree(client: FlaskClient, **only: str) -> FlaskClient:
    """Say yes: to everything, or by keyword (`statistics="on"`) to that alone."""
    said = {"choice": "custom", **only} if only else {"choice": "accept"}
    assert client.post("/cookies", data={**said, "from": "banner"}).status_code == 303
    return client


def refuse(client: FlaskClient, **about: str) -> FlaskClient:
    """Say no to everything, or (`about="statistics"`) to that alone."""
    data = {"choice": "refuse", "from": "footer", **about}
    assert client.post("/cookies", data=data).status_code == 303
    return client


def agreed(app: Flask, user_agent: str = PHONE) -> FlaskClient:
    """Return a new visitor who said yes to everything."""
    return agree(reader(app, user_agent))


def rows(app: Flask) -> list[sa.Row[Any]]:
    """Return every line of the log, oldest first."""
    line = ActivityLine
    with app.app_context():
        query = sa.select(
            line.at, line.kind, line.what, line.referring_host, line.device, line.browser,
            line.system, line.grant_id,
        )  # fmt: skip
        return list(db.session.execute(query.order_by(line.id)))


def seen(app: Flask) -> list[str]:
    """Return what the lines of the log say was opened or clicked, oldest first."""
    return [row.what for row in rows(app)]


def grants(app: Flask) -> int:
    """Return how many grants are alive."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count(Grant.id))) or 0


def entries(app: Flask) -> int:
    """Return how long the chain of receipts is."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count(Entry.position))) or 0
