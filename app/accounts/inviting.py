"""Accepting an invitation to the house: a link in a mail, and a password of one's own."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import mail_links
from app.accounts.mail_links import INVITE, LinkUseless
from app.accounts.models import HOUSE, Account, MailLink
from app.accounts.names import give_address
from app.core.database import db

KEPT = timedelta(days=14)
"""So long after it was made an invitation goes that nobody accepted: they never said yes to it.

One that was mailed anew stays for as long as its link is good.
"""


def find_invitation(token: str, *, now: datetime) -> MailLink:
    """Return the live link of an invitation that can still be accepted. Raises LinkUseless."""
    link = mail_links.find(INVITE, token, now=now)
    if link.account.verified_at is not None or link.account.suspended_at is not None:
        raise LinkUseless
    return link


def accept(link: MailLink, password_hash: str, *, now: datetime) -> Account:
    """Make an invited account real: its address is proved, and it has a password.

    Raises LinkUseless, and NameTaken where a guest has an account under the address. The
    caller commits; the slower of two commits for one address fails with an IntegrityError.
    """
    account = db.session.get(Account, link.account_id, populate_existing=True)
    if account is None or account.suspended_at is not None:
        raise LinkUseless
    mail_links.use(link, now=now)
    give_address(account, str(link.to))
    account.password = password_hash
    account.verified_at = now
    mail_links.end(account, INVITE)
    return account


def ran_out(now: datetime) -> sa.ColumnElement[bool]:
    """Say of an account that it is an invitation which nobody accepted in time."""
    link = sa.exists().where(
        MailLink.account_id == Account.id,
        MailLink.purpose == INVITE,
        MailLink.expires_at > now,
    )
    return sa.and_(
        Account.verified_at.is_(None),
        Account.role.in_(HOUSE),
        Account.created_at <= now - KEPT,
        ~link,
    )
