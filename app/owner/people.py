"""Who runs the place: people invited by a link, their roles, and the end of their access.

Only an owner who can come in decides, and never about themselves: so there always is one.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app.accounts import mail_links, tickets
from app.accounts.models import (
    HOUSE,
    OWNER,
    Account,
    MailLink,
    Passkey,
    Person,
    SessionRow,
    SignInLink,
)
from app.accounts.registering import MAILS_TO, forget_requests
from app.accounts.sessions import end_all
from app.accounts.withdrawing import note_access
from app.core.database import db
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.limits import spend
from app.core.vault import vault


class NotYourself(DomainError):
    """Nobody changes their own role, or ends their own access."""

    message = N_("This is your own account. Please ask another owner to do that.")


class NotAnOwner(DomainError):
    """Whoever decides has been given another role meanwhile, or their access has ended."""

    message = N_("You aren’t an owner any more, so nothing was changed.")


class AlreadyHere(DomainError):
    """The address is that of somebody in the list."""

    message = N_("Somebody in the list has this address already.")


class AlreadyIn(DomainError):
    """The invitation was accepted meanwhile."""

    message = N_("They have accepted the invitation meanwhile. You can end their access instead.")


@dataclass(frozen=True, slots=True)
class Member:
    """One account of the house, as the list shows it."""

    account_id: int
    person_id: str
    name: str
    email: str
    role: str
    since: datetime
    accepted: bool
    invited_until: datetime | None  # None where no invitation is open
    seen_at: datetime | None
    second_factor: bool
    suspended: bool


# -- Who there is ---------------------------------------------------------------------------


def members(*, now: datetime) -> list[Member]:
    """Return everybody of the house, owners first: two statements, however many they are."""
    rows = db.session.execute(_listed(now)).all()
    vault().unlock({row.Account.person_id for row in rows})
    found = [
        Member(
            account_id=row.Account.id,
            person_id=row.Account.person_id,
            name=row.Account.person.name or "",
            email=row.Account.person.email or "",
            role=row.Account.role,
            since=row.Account.verified_at or row.Account.created_at,
            accepted=row.Account.verified_at is not None,
            invited_until=row.invited_until,
            seen_at=row.seen_at,
            second_factor=row.Account.totp_at is not None or row.has_passkey,
            suspended=row.Account.suspended_at is not None,
        )
        for row in rows
    ]
    return sorted(found, key=lambda member: (-HOUSE.index(member.role), member.since))


def _listed(now: datetime) -> sa.Select[Account, datetime, datetime, bool]:
    invited_until = (
        sa.select(sa.func.max(MailLink.expires_at))
        .where(
            MailLink.account_id == Account.id,
            MailLink.purpose == mail_links.INVITE,
            MailLink.used_at.is_(None),
            MailLink.expires_at > now,
        )
        .scalar_subquery()
    )
    seen_at = (
        sa.select(sa.func.max(SessionRow.seen_at))
        .where(SessionRow.account_id == Account.id)
        .scalar_subquery()
    )
    return (
        sa.select(
            Account,
            invited_until.label("invited_until"),
            seen_at.label("seen_at"),
            sa.exists().where(Passkey.account_id == Account.id).label("has_passkey"),
        )
        .where(Account.role.in_(HOUSE))
        .options(joinedload(Account.person))
    )


def member(account_id: int) -> Account | None:
    """Return an account of the house, fresh and locked until the commit; None for another's.

    All of the house are locked, in one order: of two owners who decide about each other
    at once, the slower one waits here.
    """
    house = db.session.scalars(
        sa.select(Account)
        .where(Account.role.in_(HOUSE))
        .order_by(Account.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    return next((account for account in house if account.id == account_id), None)


# -- Verbs ----------------------------------------------------------------------------------


def invite(name: str, email: str, role: str, *, language: str, now: datetime) -> Account:
    """Make an account that a link in a mail opens, and have it mailed. The caller commits.

    Whether the address has an account of a guest isn't looked at: that is not the
    owner's to know, and the link itself refuses then. Raises AlreadyHere,
    TooManyRequests.
    """
    if any(one.email.casefold() == email.casefold() for one in members(now=now)):
        raise AlreadyHere
    person = Person(id=vault().new_person(), created_at=now)
    person.name, person.email = name, email
    account = Account(person=person, role=role, created_at=now, language=language)
    db.session.add(account)
    db.session.flush()
    _mail_invitation(account, email, now=now)
    return account


def invite_again(account: Account, *, now: datetime) -> None:
    """Mail a new invitation; the former link ends. The caller commits.

    Raises AlreadyIn, TooManyRequests.
    """
    if account.verified_at is not None:
        raise AlreadyIn
    mail_links.end(account, mail_links.INVITE)
    _mail_invitation(account, account.person.email or "", now=now)


def withdraw(account: Account, *, now: datetime) -> None:
    """Delete an invitation that nobody has accepted. The caller commits. Raises AlreadyIn."""
    if account.verified_at is not None:
        raise AlreadyIn
    note_access([account], now=now)
    forget_requests([account])


def change_role(account: Account, role: str, *, by: Account, now: datetime) -> None:
    """Give somebody another role, sign them out everywhere, and tell them. The caller commits.

    Raises NotYourself, NotAnOwner.
    """
    _refuse(by, account)
    if account.role == role:
        return
    account.role = role
    _sign_out(account)
    mail_links.tell(account, "role_changed", now=now)


def suspend(account: Account, *, by: Account, now: datetime) -> None:
    """End somebody's access: sessions, links and steps begun end, and none begins.

    They are told. The caller commits. Raises NotYourself, NotAnOwner.
    """
    _refuse(by, account)
    if account.suspended_at is not None:
        return
    account.suspended_at = now
    note_access([account], now=now)
    _sign_out(account)
    # Those that say "this wasn't me" open nothing, and may still be needed.
    mail_links.end(account, *(mail_links.LIFE.keys() - {mail_links.TOLD}))
    mail_links.tell(account, "access_ended", now=now)


def readmit(account: Account, *, now: datetime) -> None:
    """Let somebody in again whose access had ended, and tell them. The caller commits."""
    if account.suspended_at is None:
        return
    account.suspended_at = None
    note_access([account], now=now, back=True)
    mail_links.tell(account, "access_back", now=now)


# -- How ------------------------------------------------------------------------------------


def _refuse(by: Account, account: Account) -> None:
    """Raise unless `by`, fresh from `member`, may decide about an account."""
    if by.id == account.id:
        raise NotYourself
    if by.role != OWNER or by.suspended_at is not None:
        raise NotAnOwner


def _sign_out(account: Account) -> None:
    end_all(account)
    tickets.end_all(account)
    db.session.execute(sa.delete(SignInLink).where(SignInLink.account_id == account.id))


def _mail_invitation(account: Account, email: str, *, now: datetime) -> None:
    spend(MAILS_TO, vault().digest(Kind.ACCOUNT_EMAIL, email).hex()[:32], now=now)
    mail_links.send(account, mail_links.INVITE, to=email, now=now)
