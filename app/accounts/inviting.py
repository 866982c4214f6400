"""Accepting an invitation to the house: a link in a mail, and a password of one's own."""

from datetime import datetime

from app.accounts import mail_links
from app.accounts.mail_links import INVITE, LinkUseless
from app.accounts.models import Account, MailLink
from app.accounts.names import give_address
from app.core.database import db


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
