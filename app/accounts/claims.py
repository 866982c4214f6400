"""Earlier bookings that an account claims: those of persons with the same proved address.

Each booking has a person of its own. An account takes them on when it has just been
shown, by a link in a mail, that the address is its person's.
"""

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
    found = set(with_address(email)) - {account.person_id}
    taken = sa.union_all(
        sa.select(Claim.person_id).where(Claim.person_id.in_(found)),
        sa.select(Account.person_id).where(Account.person_id.in_(found)),
    )
    return sorted(found - set(db.session.scalars(taken))) if found else []


def with_address(email: str) -> list[str]:
    """Return the persons of bookings under an address, capitals and small letters being one.

    The index folds more than that: "voss" and "voß" are one there, and two mailboxes.
    """
    found, wanted = vault().find(Kind.EMAIL, email), email.lower()
    vault().unlock(found)
    known: dict[str, object] = db.session.info.get("keys", {})
    # Who was erased a moment ago has no key any more, and no address.
    living = sa.select(Person).where(Person.id.in_([one for one in found if one in known]))
    mine = {one.id for one in db.session.scalars(living) if (one.email or "").lower() == wanted}
    return [one for one in found if one in mine]


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
