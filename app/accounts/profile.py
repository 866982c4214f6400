"""What a person says of themselves: their details, their address, and which bookings are theirs.

Details are the account's own person's. Reservations keep what was said for them when
they were made; nothing here rewrites one.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts import mail_links
from app.accounts.claims import claim_all, claimable, same_mailbox
from app.accounts.details import put_details
from app.accounts.entering import pseudonym_of
from app.accounts.mail_links import CLAIM, EMAIL, WAY_IN, LinkUseless, tell
from app.accounts.models import Account, MailLink
from app.accounts.names import NameTaken, give_address, give_username, tidy_username
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.limits import Limit, spend


class SameAddress(DomainError):
    """The account has that address already."""

    message = N_("This is the address your account has already.")


# Whether a name is taken has to be said, so nobody may ask for a list of them.
NAMES = Limit("user-names", burst=10, per_hour=10)


def count_name(account: Account, username: str | None, *, now: datetime) -> None:
    """Count that another user name is asked for. Commits. Raises TooManyRequests."""
    if username and username != account.username:
        spend(NAMES, pseudonym_of(account), now=now)
        db.session.commit()


def save_profile(account: Account, values: dict[str, Any], *, now: datetime) -> None:
    """Put what a person says of themselves in the place of what they said before.

    `values` are those of ProfileForm.values; None is stored nowhere. Raises NotAUsername
    and NameTaken before anything is changed. The caller commits; of two who take one
    user name the slower commit fails with an IntegrityError.
    """
    username = values["username"]
    if (tidy_username(username) if username else None) != account.username:
        give_username(account, username)
        tell(account, "username_changed", now=now)
    put_details(account.person, values)
    account.language = values["language"]


def refuse_same(account: Account, email: str) -> None:
    """Raise SameAddress where an account has the address already."""
    if same_mailbox(account.person.email, email):
        raise SameAddress


def ask_for_address(account: Account, email: str, *, now: datetime) -> None:
    """Have a link mailed to the address that an account is to have; the one before it ends.

    Whether somebody has an account under it is no business of who asks: the worker
    writes what fits. The caller commits.
    """
    mail_links.end(account, EMAIL)
    mail_links.send(account, EMAIL, to=email, now=now)


def address_asked_for(account: Account, *, now: datetime) -> MailLink | None:
    """Return the link that waits in the mailbox of an address to be, if there is one."""
    return db.session.scalar(
        sa.select(MailLink)
        .where(
            MailLink.account_id == account.id,
            MailLink.purpose == EMAIL,
            MailLink.used_at.is_(None),
            MailLink.expires_at > now,
        )
        .order_by(MailLink.id.desc())
        .limit(1)
    )


def change_address(link: MailLink, *, now: datetime) -> None:
    """Give an account the address to which its link was mailed, and tell both addresses.

    Links that were mailed to the former address end. Earlier bookings under the new one
    are claimed; those that were claimed before stay. Raises LinkUseless, also where
    somebody got an account under the address meanwhile. The caller commits; the slower
    of two commits for one address fails with an IntegrityError.
    """
    mail_links.use(link, now=now)
    account = link.account
    former, fresh = account.person.email, str(link.to)
    try:
        give_address(account, fresh)
    except NameTaken as error:
        raise LinkUseless from error
    mail_links.end(account, WAY_IN, CLAIM, EMAIL)
    # The former address first: of two mails that undo something the earlier one counts, so
    # whoever moved the account away can't shut it out (`accounts.securing`).
    for address in (former, fresh):
        if address:
            tell(account, "email_changed", now=now, to=address)
    claim_all(account, now=now)


def ask_to_claim(account: Account, *, now: datetime) -> None:
    """Have a link mailed that adds earlier bookings, if there are any. The caller commits."""
    email = account.person.email
    if email and claimable(account):
        mail_links.end(account, CLAIM)
        mail_links.send(account, CLAIM, to=email, now=now)


def claim_by(link: MailLink, *, now: datetime) -> int:
    """Add the bookings under the address to which a link was mailed; return how many.

    Raises LinkUseless. The caller commits.
    """
    account = link.account
    if link.to != account.person.email:
        raise LinkUseless
    mail_links.use(link, now=now)
    return claim_all(account, now=now)
