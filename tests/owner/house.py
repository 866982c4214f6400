"""Somebody with an account and a browser, who opens pages and presses buttons."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from app.accounts import readings
from app.accounts.models import Account, SessionRow
from app.core.database import db


@dataclass
class Somebody:
    """An account that is signed in in one browser."""

    app: Flask
    client: FlaskClient
    account_id: int

    def get(self, path: str, **more: Any) -> Any:
        """Open a page."""
        return self.client.get(path, **more)

    def post(self, path: str, **data: str) -> Any:
        """Send a form, with the token of the session."""
        return self.client.post(path, data={"csrf_token": self.token, **data})

    @property
    def token(self) -> str:
        """The token that pages give their forms, also for who sees no page with one."""
        with self.app.app_context():
            query = sa.select(SessionRow.csrf_token).where(SessionRow.account_id == self.account_id)
            kept = db.session.scalars(query.order_by(SessionRow.id.desc())).first()
        signer = URLSafeTimedSerializer(self.app.secret_key, salt="wtf-csrf-token")
        return str(signer.dumps(kept or ""))

    @property
    def account(self) -> Account:
        """The account, as it is now."""
        with self.app.app_context():
            found = db.session.get(Account, self.account_id)
            assert found is not None
            return found


def words(page: Any) -> str:
    """Return what a page's main part says, as one line."""
    main = BeautifulSoup(page.text, "html.parser").main
    return " ".join(main.get_text(" ").split()) if main else ""


def buttons(page: Any) -> set[str]:
    """Return where the forms of a page's main part lead."""
    soup = BeautifulSoup(page.text, "html.parser")
    return {str(form.get("action")) for form in soup.select("main form")}


def read_of(app: Flask, *person_ids: str) -> list[tuple[str, str, int]]:
    """Return what was noted of persons: role, what, how often that day; newest first."""
    with app.app_context():
        return [(one.role, one.what, one.times) for one in readings.of_persons(person_ids)]
