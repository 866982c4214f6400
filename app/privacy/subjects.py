"""Who asks about their own data: an account's person, or a guest with a mailed code.

Pages stand at two addresses each: `/account/data…` for somebody signed in, and
`/data/<key>…` for a guest, whose key is good for a while and for nothing else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.claims import persons_of, with_address
from app.accounts.models import Account, Claim, Person
from app.accounts.sessions import current_account, has_proved_lately, login_manager
from app.booking.models import Reservation
from app.core.clock import utcnow
from app.core.database import db
from app.core.datamap import Kind
from app.core.tokens import digest_of_token
from app.core.vault import vault
from app.policy import shown_routes
from app.privacy.models import DataKey

KEY_LIFE = timedelta(minutes=30)
"""How long a guest's key opens their pages after the right code."""
_LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class Subject:
    """Whoever asks, and everybody in the books that they are."""

    person_ids: tuple[str, ...]  # the first is the one that signs in, or whose link it is
    account: Account | None
    reservation: Reservation | None  # whose link opened the pages of a guest
    key: str | None  # in the address of a guest's pages
    language: str

    @property
    def person_id(self) -> str:
        """The first of their persons."""
        return self.person_ids[0]

    def url(self, endpoint: str, **values: Any) -> str:
        """Return the address of one of their own pages (`privacy.…`)."""
        return url_for(endpoint, key=self.key, **values)


def of_account(account: Account) -> Subject:
    """Return the subject of an account: its person, and those whom it has claimed."""
    return Subject(tuple(persons_of(account)), account, None, None, account.language)


def of_key(key: str, *, now: datetime) -> Subject | None:
    """Return the guest whose key this is, or None for one that opens nothing, or no more."""
    if len(key) > _LONGEST_KEY:
        return None
    found = db.session.scalar(
        sa.select(DataKey).where(
            DataKey.key_digest == digest_of_token(key),
            DataKey.proved_at.is_not(None),
            DataKey.expires_at > now,
        )
    )
    if found is None:
        return None
    reservation = db.session.get(Reservation, found.reservation_id)
    if reservation is None or reservation.person_id != found.person_id:
        return None
    if is_claimed(found.person_id):
        return None  # since the code was typed an account has taken it on
    persons = persons_of_guest(reservation.person_id)
    return Subject(persons, None, reservation, key, reservation.language)


def persons_of_guest(person_id: str) -> tuple[str, ...]:
    """Return a guest's person and those with the same e-mail address, whom no account has.

    The mailed code has shown that the address is theirs. What belongs to an account is
    seen, and has its say, there: it may be better guarded than a mailbox.
    """
    from_address = _same_address(person_id)
    taken = sa.union(
        sa.select(Account.person_id).where(Account.person_id.in_(from_address)),
        sa.select(Claim.person_id).where(Claim.person_id.in_(from_address)),
    )
    free = set(from_address) - set(db.session.scalars(taken)) - {person_id}
    return (person_id, *sorted(free))


def is_claimed(person_id: str) -> bool:
    """Whether an account has a person, who then signs in instead of typing a code."""
    claimed = sa.exists().where(Claim.person_id == person_id)
    own = sa.exists().where(Account.person_id == person_id)
    return bool(db.session.scalar(sa.select(sa.or_(claimed, own))))


def _same_address(person_id: str) -> list[str]:
    person = db.session.get(Person, person_id)
    email = person.email if person is not None else None
    return with_address(vault().find(Kind.EMAIL, email), email) if email else []


def present(key: str | None) -> Subject | ResponseReturnValue:
    """Return the subject of the page at hand, or the answer to whoever is none.

    Without a key it is whoever is signed in; others are asked to sign in. A key that
    opens nothing is answered as a page that isn't there.
    """
    g.private = True
    if key is not None:
        subject = of_key(key, now=utcnow()) or abort(404)
        shown_routes.ask(subject.person_id)
        return subject
    account = current_account()
    if account is None:
        unauthorized: ResponseReturnValue = login_manager.unauthorized()
        return unauthorized
    return of_account(account)


def ask_again(subject: Subject, back: str) -> ResponseReturnValue | None:
    """Return the way to prove once more who one is, and `back`; None for who just did.

    A guest has: their key is younger than half an hour, and came by a code.
    """
    if subject.account is None or has_proved_lately(now=utcnow()):
        return None
    where = back if request.method in ("GET", "HEAD") else subject.url("privacy.data")
    return redirect(url_for("accounts.confirm", next=where), 303)
