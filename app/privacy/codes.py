"""A guest's way to their own data: a code in the mailbox of the booking, then a key.

Whoever has a reservation's link has been forwarded a mail, perhaps. Everything held on a
person takes more than that: a code that only the mailbox of the booking gets. A booking
that an account has claimed doesn't open here, for the account may be better guarded.
"""

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.models import Reservation
from app.booking.signals import address_changed
from app.core.database import changed, db
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.limits import Limit, spend
from app.core.outbox import enqueue
from app.core.tokens import digest_of_token
from app.core.vault import vault
from app.privacy.models import DataKey
from app.privacy.subjects import KEY_LIFE, is_claimed

CODE_LIFE = timedelta(minutes=10)
MOST_TRIES = 5
ASKING = Limit("data-code-here", burst=20, per_hour=30)
"""Of one network: a hotel's whole Wi-Fi may stand behind it."""
MAILS = Limit("data-code-to", burst=3, per_hour=3)
"""To one mailbox, whichever of its bookings they are asked for."""

# Without what looks like something else: no 0 and O, no 1, I and L, no U beside V.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_KEY_BYTES = 32

MAIL = "privacy.code"


class OfAnAccount(DomainError):
    """The booking's person is an account's, whose owner signs in instead."""

    message = N_("This reservation is in an account. Please sign in to see what we hold on you.")


class NoMailbox(DomainError):
    """The booking has no address, as one by telephone may: there is nowhere to mail a code to."""

    message = N_(
        "You gave us no e-mail address, so there is no mailbox to which we could send a code. "
        "Please tell us, by telephone or at the desk, and we find another way to know you."
    )


class WrongCode(DomainError):
    """Not the code that was mailed last, or one that has run out."""

    message = N_("That isn’t the code we mailed last, or it has run out. Please check it.")


class TooManyTries(DomainError):
    """The code was typed wrongly so often that it is good for nothing any more."""

    message = N_("That was one try too many for this code. Please have a new one mailed.")


def ask(reservation: Reservation, who: str, *, now: datetime) -> None:
    """Have a code mailed to the address of a booking; one that was mailed before ends.

    `who` is the pseudonym of the network that asks. Raises OfAnAccount, NoMailbox,
    TooManyRequests. The caller commits.
    """
    person = _person(reservation)
    if not person.email:
        raise NoMailbox
    spend(ASKING, who, now=now)
    spend(MAILS, vault().digest(Kind.EMAIL, person.email).hex()[:32], now=now)
    # Ended and not deleted: a database may give the number of a row that went to the next,
    # and the job of the first code would mail the second.
    db.session.execute(
        sa.update(DataKey)
        .where(
            DataKey.reservation_id == reservation.id,
            DataKey.proved_at.is_(None),
            DataKey.expires_at > now,
        )
        .values(expires_at=now, _code=None)
    )
    asked = DataKey(
        person_id=person.id,
        reservation_id=reservation.id,
        # Nobody is given this one: the key is made once the code was typed.
        key_digest=digest_of_token(secrets.token_urlsafe(_KEY_BYTES)),
        made_at=now,
        expires_at=now + CODE_LIFE,
    )
    asked.code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    db.session.add(asked)
    db.session.flush()
    enqueue(MAIL, {"data_key_id": asked.id}, now=now)


def waiting(reservation: Reservation, *, now: datetime) -> DataKey | None:
    """Return the code of a booking that can still be typed, if there is one."""
    return db.session.scalar(
        sa.select(DataKey).where(
            DataKey.reservation_id == reservation.id,
            DataKey.person_id == reservation.person_id,
            DataKey.proved_at.is_(None),
            DataKey.expires_at > now,
        )
    )


def prove(reservation: Reservation, typed: str, *, now: datetime) -> str:
    """Return a key that opens the guest's pages for KEY_LIFE, for the code that was mailed.

    A try is counted before it is looked at, and committed: tries at the same time are as
    many as they are. Raises OfAnAccount, WrongCode, TooManyTries. Commits.
    """
    _person(reservation)
    found = waiting(reservation, now=now)
    if found is None:
        raise WrongCode
    counted = db.session.execute(
        sa.update(DataKey)
        .where(DataKey.id == found.id, DataKey.proved_at.is_(None), DataKey.tries < MOST_TRIES)
        .values(tries=DataKey.tries + 1)
    )
    db.session.commit()
    if not changed(counted):
        raise TooManyTries
    if not hmac.compare_digest(tidy(typed).encode(), (found.code or "").encode()):
        raise WrongCode
    key = secrets.token_urlsafe(_KEY_BYTES)
    values: dict[str, Any] = {
        "key_digest": digest_of_token(key),
        "proved_at": now,
        "expires_at": now + KEY_LIFE,
        "_code": None,
    }
    opened = db.session.execute(
        sa.update(DataKey)
        .where(DataKey.id == found.id, DataKey.proved_at.is_(None), DataKey._code.is_not(None))
        .values(values)
    )
    db.session.commit()
    if not changed(opened):
        raise WrongCode  # another tab was quicker: the code works once
    return key


@address_changed.connect
def _end_keys(person: Person, *, now: datetime) -> None:
    """End what a code in the former mailbox opens: it shows nothing about the new one.

    A key shows all that is held under its guest's address, whoever booked it.
    """
    db.session.execute(
        sa.update(DataKey)
        .where(DataKey.person_id == person.id, DataKey.expires_at > now)
        .values(expires_at=now, _code=None)
    )


def tidy(typed: str) -> str:
    """Return a code as it was made: capitals, without spaces and dashes."""
    return "".join(sign for sign in typed.upper() if sign.isalnum())[: 2 * LENGTH]


def masked(email: str) -> str:
    """Return an address so that its owner knows it and nobody else learns it: m•••@e•••.org."""
    local, _, domain = email.rpartition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{(host or ending)[:1]}•••{dot}{ending if dot else ''}"


def _person(reservation: Reservation) -> Any:
    """Return the person of a booking that no account has. Raises OfAnAccount, WrongCode."""
    if reservation.person_id is None or reservation.person is None:
        raise WrongCode
    if is_claimed(reservation.person_id):
        raise OfAnAccount
    return reservation.person
