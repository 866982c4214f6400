"""The owner's way in: a link that opens one session and works once.

It is printed by a command on the machine itself, so whoever may run commands
there, and nobody else, can make one. Only the digest of its token is kept.
"""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.mail_links import LinkUseless
from app.accounts.models import OWNER, Account, Person, SignInLink
from app.accounts.names import give_address
from app.accounts.withdrawing import note_access
from app.core.database import db
from app.core.limits import Limit
from app.core.tokens import digest_of_token
from app.core.vault import vault
from app.web.pages import outside_url

LINK_LIFE = timedelta(hours=24)
# Guessing 256 bits is hopeless at any rate; this keeps the attempts from being a load.
ENTERING = Limit("enter", burst=10, per_hour=20)
_TOKEN_BYTES = 32


def make_owner(name: str, email: str, *, language: str, now: datetime) -> Account:
    """Make one more owner, who is found by their address from then on. The caller commits.

    Whoever may run commands on the machine answers for the address. Raises NameTaken.
    """
    person = Person(id=vault().new_person(), created_at=now)
    person.name = name
    account = Account(person=person, role=OWNER, created_at=now, verified_at=now, language=language)
    db.session.add(account)
    db.session.flush()
    give_address(account, email)
    return account


def make_owner_link(account: Account | None = None, *, now: datetime) -> str:
    """Return a new link for an owner, whole, good for `LINK_LIFE`; their older ones end here.

    Without an account it is for the first owner, preferably one who can come in, whose
    account is made on first use. Flushes; the caller commits.
    """
    account = account or _owner(now=now)
    db.session.execute(sa.delete(SignInLink).where(SignInLink.account_id == account.id))
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    db.session.add(
        SignInLink(
            account_id=account.id,
            token_digest=digest_of_token(token),
            expires_at=now + LINK_LIFE,
        )
    )
    db.session.flush()
    return outside_url("accounts.enter_by_command", token=token)


def link_is_live(token: str, *, now: datetime) -> bool:
    """Tell whether a link would open a session now. Consumes nothing."""
    return db.session.scalar(sa.select(SignInLink.id).where(*_live(token, now))) is not None


def use_link(token: str, *, now: datetime) -> Account:
    """Consume a link and return whose it is.

    The one guarded update decides between two who come together. Raises LinkUseless.
    """
    account_id = db.session.scalar(
        sa.update(SignInLink)
        .where(*_live(token, now))
        .values(used_at=now)
        .returning(SignInLink.account_id)
    )
    account = db.session.get(Account, account_id) if account_id is not None else None
    if account is None:
        raise LinkUseless
    # Whoever may run commands on the machine decides who is the owner.
    if account.suspended_at is not None:
        account.suspended_at = None
        note_access([account], now=now, back=True)
    return account


def _owner(*, now: datetime) -> Account:
    account = db.session.scalar(
        sa.select(Account)
        .where(Account.role == OWNER, Account.verified_at.is_not(None))
        .order_by(Account.suspended_at.is_not(None), Account.id)
        .limit(1)
    )
    if account is None:
        person = Person(id=vault().new_person(), created_at=now)
        account = Account(person=person, role=OWNER, created_at=now, verified_at=now)
        db.session.add(account)
        db.session.flush()
    return account


def _live(token: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SignInLink.token_digest == digest_of_token(token),
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > now,
    )
