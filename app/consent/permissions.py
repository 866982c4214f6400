"""A person's yes to one purpose, asked before every such use; off until they say so (C20, C21)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from blinker import Namespace

from app.accounts.models import Account, Claim
from app.consent.models import PersonPermission
from app.core import withdrawals
from app.core.database import db
from app.core.datamap import Purpose

CHECKOUT, RESERVATION, ACCOUNT = "checkout", "reservation", "account"
"""Where a yes is given, or taken back: on which page."""
CHANGED, ARCHIVED, REWRITTEN, ERASED = "changed", "archived", "rewritten", "erased"
HANDED_OVER = "handed_over"
"""By what else a yes ends: what was agreed to isn't so any more, or nobody is left to agree."""

permissions_ended_again = Namespace().signal("permissions-ended-again")
"""Sent inside the transaction that ends yeses once more in an older book: `ended`, their rows.

What hung on them goes with them, as it did when they were taken back.
"""

_MOST_SHOWN = 20


def give(person_id: str, purpose: Purpose, *, how: str, now: datetime, recipient: str = "") -> None:
    """Write a yes down; said twice it stands once. The caller commits."""
    if not permitted([person_id], purpose, recipient=recipient):
        db.session.add(
            PersonPermission(
                person_id=person_id,
                purpose=purpose.value,
                recipient=recipient,
                given_at=now,
                how=how,
            )
        )
        db.session.flush()


def take_back(
    person_ids: Collection[str],
    purpose: Purpose,
    *,
    now: datetime,
    recipient: str = "",
    how: str = "",
) -> None:
    """End a yes; what it was stays to be proved. The caller commits.

    `how` is on which page, or by what else it ends.
    """
    end(*_live(person_ids, purpose, recipient), how=how, now=now)


def end_all(purpose: Purpose, recipient: str, how: str, *, now: datetime) -> int:
    """End everybody's yes to a recipient, as what they agreed to isn't so any more.

    Return how many ended. The caller commits.
    """
    of_them = (PersonPermission.purpose == purpose.value, PersonPermission.recipient == recipient)
    return end(*of_them, PersonPermission.ended_at.is_(None), how=how, now=now)


def end(*which: sa.ColumnElement[bool], how: str, now: datetime) -> int:
    """End the yeses that meet these conditions, for good; return how many. The caller commits."""
    ended = db.session.execute(
        sa.update(PersonPermission)
        .where(*which)
        .values(ended_at=now, ended_how=how)
        .returning(*_KNOWN_BY)
    ).all()
    withdrawals.note(withdrawals.PERMISSION, [tuple(row) for row in ended], now=now)
    return len(ended)


_KNOWN_BY: Sequence[Any] = (
    PersonPermission.person_id,
    PersonPermission.purpose,
    PersonPermission.recipient,
    PersonPermission.given_at,
)


@withdrawals.carries_out(withdrawals.PERMISSION)
def _end_again(wanted: withdrawals.Wanted) -> None:
    query = sa.select(PersonPermission).where(PersonPermission.ended_at.is_(None))
    ended = []
    for row in db.session.scalars(query):
        at = wanted.since(row.person_id, row.purpose, row.recipient, row.given_at)
        if at is not None:
            row.ended_at = at
            ended.append(row)
    permissions_ended_again.send(None, ended=ended)


def permitted(person_ids: Collection[str], purpose: Purpose, *, recipient: str = "") -> set[str]:
    """Return those of the persons who have said yes to it, and not taken it back."""
    query = sa.select(PersonPermission.person_id)
    return set(db.session.scalars(query.where(*_live(person_ids, purpose, recipient))))


def same_person(person_id: str) -> list[str]:
    """Return everybody that a person is: themselves, and those of the account that has them."""
    account = sa.select(Account.id).where(
        sa.or_(
            Account.person_id == person_id,
            Account.id.in_(sa.select(Claim.account_id).where(Claim.person_id == person_id)),
        )
    )
    found = db.session.scalars(
        sa.union(
            sa.select(Account.person_id).where(Account.id.in_(account)),
            sa.select(Claim.person_id).where(Claim.account_id.in_(account)),
        )
    )
    return sorted({person_id, *found})


def whose_yes_counts(person_id: str) -> list[str]:
    """Return those whose yes counts for the stay of a person: their own, and their account's.

    A yes on the page of one reservation was given for what that page showed. It says nothing
    of the others in the same account.
    """
    claiming = sa.select(Claim.account_id).where(Claim.person_id == person_id)
    account = sa.select(Account.person_id).where(Account.id.in_(claiming))
    return sorted({person_id, *db.session.scalars(account)})


def history(
    person_ids: Collection[str], purpose: Purpose, *, recipients: Collection[str] | None = None
) -> list[PersonPermission]:
    """Return every yes that these persons ever gave to a purpose, the latest first.

    `recipients` leaves out those that were given to others.
    """
    of_them = () if recipients is None else (PersonPermission.recipient.in_(recipients),)
    query = (
        sa.select(PersonPermission)
        .where(
            PersonPermission.person_id.in_(person_ids),
            PersonPermission.purpose == purpose.value,
            *of_them,
        )
        .order_by(PersonPermission.given_at.desc(), PersonPermission.id.desc())
        .limit(_MOST_SHOWN)
    )
    return list(db.session.scalars(query))


def _live(
    person_ids: Collection[str], purpose: Purpose, recipient: str
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        PersonPermission.person_id.in_(person_ids),
        PersonPermission.purpose == purpose.value,
        PersonPermission.recipient == recipient,
        PersonPermission.ended_at.is_(None),
    )
