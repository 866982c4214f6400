"""Earlier bookings that an account claims: those of persons with the same proved address.

Each booking has a person of its own. An account takes them on when it has just been
shown, by a link in a mail, that the address is its person's.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Account, Claim, Person
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault


def claimable(account: Account) -> list[str]:
    """Return the persons under the account's proved address whom no account has claimed."""
    email = account.person.email
    if account.verified_at is None or not email:
        return []
    found = set(vault().find(Kind.EMAIL, email)) - {account.person_id}
    taken = sa.union_all(
        sa.select(Claim.person_id).where(Claim.person_id.in_(found)),
        sa.select(Account.person_id).where(Account.person_id.in_(found)),
    )
    free = found - set(db.session.scalars(taken)) if found else found
    return sorted(with_address(free, email))


def with_address(person_ids: Collection[str], email: str) -> list[str]:
    """Return those of the persons whose address it is, capitals and small letters being one.

    The index by which they were found folds more than that: "voss" and "voß" are one there,
    and two mailboxes.
    """
    if not person_ids:
        return []
    vault().unlock(person_ids)
    known: dict[str, object] = db.session.info.get("keys", {})
    # Who was erased a moment ago has no key any more, and no address.
    living = [one for one in person_ids if one in known]
    persons = db.session.scalars(sa.select(Person).where(Person.id.in_(living)))
    return [one.id for one in persons if same_mailbox(one.email, email)]


def same_mailbox(one: str | None, other: str | None) -> bool:
    """Tell whether two addresses are one mailbox: capitals and small letters are."""
    return one is not None and other is not None and one.lower() == other.lower()


def claim_all(account: Account, *, now: datetime) -> int:
    """Claim every person under the address, which was proved just now; return how many."""
    return sum(claim(account, person_id, now=now) for person_id in claimable(account))


def claim(account: Account, person_id: str, *, now: datetime) -> bool:
    """Claim one person, unless an account did before; tell whether. The caller commits."""
    if db.session.get(Claim, person_id) is not None:
        return False
    db.session.add(Claim(person_id=person_id, account_id=account.id, claimed_at=now))
    db.session.flush()
    return True


def claim_only(account: Account | None, person_id: str, *, now: datetime) -> None:
    """Let a person who is being corrected be claimed by `account` alone, or by nobody.

    Whose address was on a booking before it was corrected has no claim to it any more.
    The caller commits.
    """
    db.session.execute(
        sa.delete(Claim).where(
            Claim.person_id == person_id,
            Claim.account_id != (account.id if account else 0),
        )
    )
    if account is not None:
        claim(account, person_id, now=now)


def persons_of(account: Account) -> list[str]:
    """Return the ids of everybody that the account's person is: themselves, and the claimed."""
    claimed = db.session.scalars(
        sa.select(Claim.person_id).where(Claim.account_id == account.id).order_by(Claim.claimed_at)
    )
    return [account.person_id, *claimed]
