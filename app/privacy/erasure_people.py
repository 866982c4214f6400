"""Whom an erasure that waits or runs concerns, whoever of them is asked about."""

from collections.abc import Collection

import sqlalchemy as sa

from app.accounts.models import OWNER, Account, Person
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.privacy.models import POSTPONED, RUNNING, Erasure


class OnlyOwner(DomainError):
    """Without an owner nobody could run the place, or answer anybody's request."""

    message = N_(
        "You are the only owner of this place. Please give somebody else that role first; "
        "then your data can go."
    )


def live_of(person_ids: Collection[str]) -> Erasure | None:
    """Return the erasure of some of these persons that waits or runs, if there is one.

    They are locked until the end of the transaction, so that nobody begins another.
    """
    db.session.execute(
        sa.select(Person.id).where(Person.id.in_(person_ids)).order_by(Person.id).with_for_update()
    )
    found = find(person_ids)
    if found is not None:
        db.session.refresh(found, with_for_update=True)
    return found


def find(person_ids: Collection[str]) -> Erasure | None:
    """Return the erasure of some of these persons that waits or runs, for a page.

    Of several, the one that has most of them.
    """
    live = sa.select(Erasure.id, Erasure.person_ids).where(Erasure.state.in_((POSTPONED, RUNNING)))
    wanted, best, most = set(person_ids), 0, 0
    # Few at any time: those of a day, and who waits for a booking to be over.
    for erasure_id, theirs in db.session.execute(live.order_by(Erasure.id)):
        common = len(wanted.intersection(theirs))
        if common > most:
            best, most = erasure_id, common
    return db.session.get(Erasure, best) if best else None


def left_out(erasure: Erasure | None, person_ids: Collection[str]) -> list[str]:
    """Return those of the persons whom an erasure, if there is one, doesn't concern."""
    theirs = erasure.person_ids if erasure is not None else []
    return [one for one in person_ids if one not in theirs]


def accounts_of(person_ids: Collection[str]) -> list[Account]:
    """Return the accounts of these persons, as they are at this moment."""
    query = sa.select(Account).where(Account.person_id.in_(person_ids))
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def refuse_only_owner(person_ids: Collection[str]) -> None:
    """Raise OnlyOwner where nobody would be left to run the place."""
    if not any(account.role == OWNER for account in accounts_of(person_ids)):
        return
    others = sa.select(Account.id).where(
        Account.role == OWNER,
        Account.person_id.not_in(person_ids),
        Account.suspended_at.is_(None),
        Account.verified_at.is_not(None),
    )
    if db.session.scalar(others.limit(1)) is None:
        raise OnlyOwner
