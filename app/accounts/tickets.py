"""Steps that were begun and must be finished soon, by whoever began them, and once.

A ticket stands between a right password and the second factor, and between the
challenge for a passkey and its answer. It is no session: nothing opens with it but
the next step.
"""

import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import Account, Ticket
from app.core.database import changed, db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.tokens import digest_of_token

SECOND_STEP, PASSKEY_IN, PASSKEY_NEW, CODE_NEW = "second", "passkey-in", "passkey-new", "code-new"
LIFE = timedelta(minutes=10)
MOST_TRIES = 5
_TOKEN_BYTES = 24


class TicketUseless(DomainError):
    """It was used, has run out, had too many tries, or never existed: we don't say which."""

    message = N_("That took too long, or too many tries. Please begin again.")


def begin(
    purpose: str, account: Account | None, *, now: datetime, challenge: bytes | None = None
) -> str:
    """Write a ticket and return its token. Flushes; the caller commits."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    db.session.add(
        Ticket(
            account_id=account.id if account else None,
            purpose=purpose,
            token_digest=digest_of_token(token),
            challenge=challenge,
            tries=0,
            expires_at=now + LIFE,
        )
    )
    db.session.flush()
    return token


def find(purpose: str, token: str, *, now: datetime) -> Ticket:
    """Return a live ticket. Raises TicketUseless."""
    found = db.session.scalar(sa.select(Ticket).where(*_live(purpose, token, now)))
    if found is None:
        raise TicketUseless
    return found


def spend_try(ticket: Ticket) -> None:
    """Count one try before it is looked at, so that no two at once go uncounted.

    Commits, so that the count stays whatever happens next. Raises TicketUseless when
    there are no tries left.
    """
    counted = db.session.execute(
        sa.update(Ticket)
        .where(Ticket.id == ticket.id, Ticket.tries < MOST_TRIES)
        .values(tries=Ticket.tries + 1)
    )
    db.session.commit()
    if not changed(counted):
        raise TicketUseless


def close(ticket: Ticket) -> None:
    """Consume a ticket; of two who come at once only one succeeds. Raises TicketUseless."""
    if not changed(db.session.execute(sa.delete(Ticket).where(Ticket.id == ticket.id))):
        raise TicketUseless


def end_all(account: Account) -> None:
    """Make whatever was begun for an account worthless. The caller commits."""
    db.session.execute(sa.delete(Ticket).where(Ticket.account_id == account.id))


def ran_out(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a ticket that it ran out."""
    return Ticket.expires_at <= now


def _live(purpose: str, token: str, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Ticket.token_digest == digest_of_token(token),
        Ticket.purpose == purpose,
        Ticket.tries < MOST_TRIES,
        Ticket.expires_at > now,
    )
