"""Changing what an account is signed in with: password, codes, passkeys, recovery codes.

After each change the session at hand has a new id, so that a copy of its cookie is
worth nothing, and the person is told by mail. Other sessions end wherever they may
have been begun with less than is asked for now, or with what was taken away.
"""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from app.accounts import codes, mail_links, passkeys, passwords, tickets
from app.accounts.models import Account, Passkey, Ticket
from app.accounts.sessions import current_session, end_all, renew_present_session
from app.accounts.withdrawing import remove_passkeys
from app.core.database import db, only_reading
from app.core.errors import DomainError
from app.core.languages import N_


class LastFactor(DomainError):
    """Who sees other people's details shows two factors."""

    message = N_(
        "Your role needs a second factor. Please set up another one before you remove this one."
    )


class Changed(NamedTuple):
    """What follows from a change: the session's new token, and recovery codes to show once."""

    token: str
    recovery_codes: list[str] | None = None


def choose_password(account: Account, password: str, *, site: str, now: datetime) -> Changed:
    """Give an account a new password. All other sessions and all mailed ways in end.

    Hashing holds no lock. Raises TooShort, TooCommon, TooBusy. The caller commits.
    """
    with only_reading():
        person = account.person
        known = (site, person.email or "", account.username or "", person.name or "")
        passwords.refuse_weak(password, second_factor=codes.has_second_factor(account), known=known)
    hashed = passwords.hash_of(password)
    account.password = hashed
    mail_links.end(account, mail_links.WAY_IN)
    tickets.end_all(account)  # a second step that was begun with the old one
    return _settle(account, "password_changed", now=now, end_others=True)


def start_codes(account: Account, ticket: str, code: str, *, now: datetime) -> Changed:
    """Ask for codes of an app from now on, once one of them was right.

    Counts the try and commits that; the caller commits the rest. Raises WrongCode,
    TicketUseless.
    """
    begun = _own_ticket(account, ticket, now=now)
    tickets.spend_try(begun)
    first = not codes.has_second_factor(account)
    codes.turn_on(account, codes.secret_for(ticket), code, now=now)
    tickets.close(begun)
    return _added(account, "codes_on", first=first, now=now)


def begin_codes(account: Account, *, now: datetime) -> str:
    """Return a ticket for setting up codes. The caller commits."""
    return tickets.begin(tickets.CODE_NEW, account, now=now)


def still_open(account: Account, ticket: str, *, now: datetime) -> bool:
    """Tell whether codes can still be set up with a ticket."""
    try:
        _own_ticket(account, ticket, now=now)
    except tickets.TicketUseless:
        return False
    return True


def stop_codes(account: Account, *, now: datetime) -> Changed:
    """Ask for no more codes of the app. Raises LastFactor. The caller commits."""
    _lock(account)
    codes.turn_off(account)
    return _removed(account, "codes_off", now=now)


def add_passkey(
    account: Account, ticket: str, answer: str, *, device: str, now: datetime
) -> Changed:
    """Keep a new passkey. Raises what `passkeys.add` does. The caller commits."""
    first = not codes.has_second_factor(account)
    passkeys.add(account, ticket, answer, device=device, now=now)
    return _added(account, "passkey_added", first=first, now=now)


def remove_passkey(account: Account, passkey_id: int, *, now: datetime) -> Changed | None:
    """Remove one of an account's passkeys; None if it has no such one.

    Raises LastFactor. The caller commits.
    """
    _lock(account)
    if not remove_passkeys(Passkey.id == passkey_id, Passkey.account_id == account.id, now=now):
        return None
    return _removed(account, "passkey_removed", now=now)


def renew_recovery_codes(account: Account, *, now: datetime) -> Changed | None:
    """Replace the recovery codes; None without a second factor that they stand in for.

    The caller commits.
    """
    if not codes.has_second_factor(account):
        return None
    fresh = codes.new_recovery_codes(account)
    done = _settle(account, "recovery_codes", now=now)
    return done._replace(recovery_codes=fresh)


def _added(account: Account, news: str, *, first: bool, now: datetime) -> Changed:
    fresh = codes.new_recovery_codes(account) if first else None
    # A session from before the first second factor was begun without one.
    done = _settle(account, news, now=now, strong=True, end_others=first)
    return done._replace(recovery_codes=fresh)


def _removed(account: Account, news: str, *, now: datetime) -> Changed:
    db.session.flush()
    if not codes.has_second_factor(account):
        if account.of_the_house:
            raise LastFactor
        codes.drop_recovery_codes(account)
    # Removed is what was lost, too: whoever found it is signed out.
    return _settle(account, news, now=now, end_others=True)


def _settle(
    account: Account, news: str, *, now: datetime, strong: bool = False, end_others: bool = False
) -> Changed:
    present = current_session()
    if end_others:
        end_all(account, except_row=present.row_id if present else None)
    token = renew_present_session(now=now, strong=strong)
    mail_links.tell(account, news, now=now)
    return Changed(token)


def _own_ticket(account: Account, token: str, *, now: datetime) -> Ticket:
    found = tickets.find(tickets.CODE_NEW, token, now=now)
    if found.account_id != account.id:
        raise tickets.TicketUseless
    return found


def _lock(account: Account) -> None:
    """Let nobody else remove the other of two last factors meanwhile."""
    db.session.execute(sa.select(Account.id).where(Account.id == account.id).with_for_update())
