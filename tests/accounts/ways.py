"""Ways in: as the owner goes them, by the command's link; as guests and staff do, by password.

Characters are made through the domain, so that a test pays for the hash of a password once.
"""

import email
import email.policy
import re
from email.message import EmailMessage
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

import pyotp

from app.accounts.claims import claim_all
from app.accounts.models import Account, Person
from app.accounts.names import give_address, give_username
from app.accounts.passwords import hash_of
from app.accounts.sessions import begin_session
from app.accounts.signin import make_owner_link
from app.core import outbox
from app.core.database import db
from app.core.limits import network_pseudonym, spend
from app.core.vault import vault

EMAIL, PASSWORD = "greta@post.example", "three herons in the reeds"


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


# -- Guests and people of the house -----------------------------------------------------------


class Member(NamedTuple):
    """Somebody of the house: an account with a password and an app for codes."""

    account_id: int
    email: str
    password: str
    secret: str

    def code(self, now):
        """Return the code that the app shows at an instant; it works once."""
        return pyotp.TOTP(self.secret).at(now)


@cache
def kept(password):
    """Return the hash of a password, made once a run."""
    return hash_of(password)


def make_guest(app, clock, email=EMAIL, password=PASSWORD, username=None):
    """Open an account with a verified address, as its link would, and return its id."""
    with app.app_context():
        account = _opened(clock(), "guest", email, password, username)
        claim_all(account, now=clock())
        db.session.commit()
        return account.id


def make_house(app, clock, role="staff", email="", password=PASSWORD, username=None):
    """Make somebody of the house, who signs in with a password and a code."""
    email, secret = email or f"{role}@post.example", pyotp.random_base32()
    with app.app_context():
        account = _opened(clock(), role, email, password, username)
        account.totp, account.totp_at = secret, clock()
        db.session.commit()
        return Member(account.id, email, password, secret)


def _opened(now, role, email, password, username):
    person = Person(id=vault().new_person(), created_at=now)
    account = Account(person=person, role=role, created_at=now, verified_at=now, language="en")
    db.session.add(account)
    account.person_id = person.id
    account.password = kept(password)
    give_address(account, email)
    give_username(account, username)
    db.session.flush()
    return account


def sign_in_guest(client, name=EMAIL, password=PASSWORD, **more):
    """Send the form with a name and a password, and return the answer."""
    return client.post("/account/sign-in", data={"name": name, "password": password, **more})


def sign_in_house(client, member, clock):
    """Sign somebody of the house in with both factors, and return the last answer.

    The app's next code comes half a minute later: move the clock before a second time.
    """
    step = sign_in_guest(client, member.email, member.password)
    assert step.status_code == 303, step.text
    return client.post(step.location, data={"code": member.code(clock())})


def let_in(app, clock, client, account_id, *, strong=False):
    """Give a client a session without the way there, and return the client."""
    with app.app_context():
        account = db.session.get(Account, account_id)
        token = begin_session(account, now=clock(), strong=strong)
        db.session.commit()
    client.set_cookie("session", token, domain="localhost")
    return client


# -- Limits -----------------------------------------------------------------------------------


def network_of(app, address):
    """Return today's pseudonym of the network of an address."""
    now = app.extensions["clock"]()
    return network_pseudonym(app.extensions["network_secret"], address, now=now)


def spend_all(app, limit, who, *, but=0):
    """Spend what a limit allows at once, as so many tries would, all but a few."""
    with app.app_context():
        for _ in range(limit.burst - but):
            spend(limit, who, now=app.extensions["clock"]())
        db.session.commit()


# -- Mail -------------------------------------------------------------------------------------


def mails(app) -> list[EmailMessage]:
    """Let the worker do what is due, and return all that was ever mailed, newest last."""
    with app.app_context():
        while outbox.run_due(now=app.extensions["clock"]()):
            pass
    folder = app.extensions["settings"].instance_dir / "mail"
    files = sorted(folder.glob("*.eml"), key=_order) if folder.is_dir() else []
    return [email.message_from_bytes(f.read_bytes(), policy=email.policy.default) for f in files]


def _order(file):
    number = re.search(r"(\d+)$", file.stem)
    return file.stat().st_mtime_ns, int(number[1]) if number else 0


def newest_mail(app) -> EmailMessage | None:
    """Let the worker do what is due, and return the newest mail there is."""
    return next(iter(reversed(mails(app))), None)


def link_in(mail: EmailMessage) -> str:
    """Return the path of the first link into an account in a mail, as it would be opened."""
    found = re.search(r"https?://[^/\s]+(/account/\S+)", mail.get_content())
    assert found, mail.get_content()
    return found[1]
