"""Ways in, as the owner goes them: a link from the command, and the button on its page."""

import re
from urllib.parse import urlsplit

from app.accounts.signin import make_owner_link
from app.core.database import db


def new_link(app, clock):
    """Make a link for the owner and return its path."""
    with app.app_context():
        address = make_owner_link(now=clock())
        db.session.commit()
    return urlsplit(address).path


def sign_in(app, clock, client):
    """Sign the owner in and return the client."""
    assert client.post(new_link(app, clock)).status_code == 303
    return client


def session_cookie(client):
    """Return the value of the client's session cookie, or None."""
    cookie = client.get_cookie("session", domain="localhost")
    return cookie.value if cookie else None


def token_on(page):
    """Return the token of a page's first form."""
    return re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)[1]


def sign_out(client):
    """Press the button to sign out."""
    return client.post("/account/sign-out", data={"csrf_token": token_on(client.get("/owner/"))})


def is_in(client):
    """Say whether the owner's pages open."""
    answer = client.get("/owner/")
    assert answer.status_code in (200, 303)
    return answer.status_code == 200
