"""Coming in: by password and second factor, by a mailed link, by a passkey.

Whoever gives a wrong name, a wrong password, or the right one of an account that may
not come in gets the same words after the same work. Limits slow a guesser down for
one name on one network, for one name everywhere, and for one network; none of them
stands in the way of a mailed link, a passkey, or a session that is open (D13).
"""

import unicodedata
from datetime import datetime

from flask import Response, request

from app.accounts import codes, passwords, tickets
from app.accounts.mail_links import tell
from app.accounts.models import Account
from app.accounts.names import account_named
from app.accounts.sessions import SESSION, begin_session, end_present_session
from app.core.database import db, only_reading
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.limits import Limit, spend
from app.core.vault import vault
from app.web.agents import classify
from app.web.network import network

# Somebody who mistypes has ten tries at once, and another every three minutes.
NAME_HERE = Limit("in-name-here", burst=10, per_hour=20)
# NIST SP 800-63B-4, 3.2.2: at most a hundred failures in a row for one account.
NAME_ANYWHERE = Limit("in-name", burst=100, per_hour=20)
# A hotel's whole Wi-Fi may stand behind one network.
NETWORK = Limit("in-network", burst=60, per_hour=240)
# Whoever has a session, or knows the password, and guesses at the rest: of a million
# codes three are right at any time, so a day of this finds one in a thousand.
AGAIN = Limit("in-again", burst=10, per_hour=20)
CODES = Limit("in-codes", burst=30, per_hour=10)


class NotIn(DomainError):
    """A name and a password that don't open anything together. We don't say which is wrong."""

    message = N_("The name and the password don’t belong together. Please check both.")


class NotTheirPassword(DomainError):
    """Not the password of the account that is signed in."""

    message = N_("That isn’t the password of your account. Please check it.")


def name_pseudonym(name: str) -> str:
    """Return the keyed digest under which tries for a name are counted, known or not.

    Whatever `account_named` takes for the same name is counted as one.
    """
    text = unicodedata.normalize("NFKC", name.strip())
    return vault().digest(Kind.USERNAME, text).hex()[:32]


def check_password(name: str, password: str, *, now: datetime) -> Account:
    """Return the account that a name and a password open.

    Hashing holds no lock. Raises NotIn, TooManyRequests, TooBusy. Commits the count
    of the try.
    """
    here, who = network(now), name_pseudonym(name)
    spend(NETWORK, here, now=now)
    spend(NAME_HERE, f"{who[:24]}:{here[:24]}", now=now)
    spend(NAME_ANYWHERE, who, now=now)
    db.session.commit()
    with only_reading():
        account = account_named(name)
        kept = account.password if account else None
        barred = account is None or account.suspended_at is not None
        account_id = account.id if account else 0
    if not passwords.is_right(password, kept) or barred:
        raise NotIn
    fresh = passwords.hash_of(password) if kept and passwords.is_outdated(kept) else None
    found = db.session.get(Account, account_id)
    if found is None or found.password != kept:
        raise NotIn  # changed while we looked
    if fresh:
        found.password = fresh
    return found


def check_again(account: Account, password: str, *, now: datetime) -> None:
    """Have somebody signed in show the password of their account.

    Hashing holds no lock. Raises NotTheirPassword, TooManyRequests, TooBusy. Commits the
    count of the try.
    """
    kept = account.password
    spend(AGAIN, pseudonym_of(account), now=now)
    db.session.commit()
    if not passwords.is_right(password, kept) or account.password != kept:
        raise NotTheirPassword


def check_code(account: Account, code: str, *, now: datetime) -> bool:
    """Accept a code of an account, and tell whether it was a recovery code.

    Raises WrongCode, TooManyRequests. Commits the count of the try; the caller commits
    that the code is used.
    """
    spend(CODES, pseudonym_of(account), now=now)
    db.session.commit()
    return codes.use_code(account, code, now=now)


def pseudonym_of(account: Account) -> str:
    """Return the keyed digest under which tries of an account are counted."""
    return vault().digest(Kind.USERNAME, f"account\0{account.id}").hex()[:32]


def begin_second_step(account: Account, *, now: datetime) -> str:
    """Return a ticket for the second step. The caller commits."""
    return tickets.begin(tickets.SECOND_STEP, account, now=now)


def enter(account: Account, *, strong: bool, now: datetime) -> str:
    """Begin a session for an account in the browser at hand, and return its token.

    The session that the browser had ends, whoever's it was, and the person is told by
    mail. The caller commits, and then gives the token to `keep`.
    """
    device = device_code()
    end_present_session()
    token = begin_session(account, now=now, strong=strong, device=device)
    tell(account, "signed_in", now=now, detail=device)
    return token


def keep(response: Response, token: str) -> Response:
    """Give the browser a session's cookie."""
    SESSION.keep(response, token)
    return response


def device_code() -> str:
    """Return the families of the browser and the system at hand, such as "Firefox,Linux"."""
    agent = classify(request.headers.get("User-Agent", ""))
    return f"{agent.browser},{agent.system}"
