"""“This wasn’t me”: what was done to an account since, undone by the link that told of it.

Every mail that tells a person something about their account has such a link, and
whoever has the mailbox may press it without signing in: they couldn't, if somebody
else took the account over. It undoes what came at the same time or later, and an
earlier mail outranks a later one. Who moved an account to an address of theirs gets
mails there too, but can't use them against the address before.
"""

from datetime import datetime

import sqlalchemy as sa

from app.accounts import codes, mail_links, tickets
from app.accounts.mail_links import CLAIM, EMAIL, INVITE, TOLD, VERIFY, WAY_IN
from app.accounts.models import Account, MailLink, Passkey, SignInLink
from app.accounts.names import NameTaken, give_address
from app.accounts.sessions import end_all
from app.accounts.withdrawing import note_access, remove_passkeys
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault

# What may have made recovery codes: new ones, or a second factor that came with them.
_NEW_CODES = ("recovery_codes", "codes_on", "passkey_added")


def secure(link: MailLink, *, now: datetime) -> Account:
    """Take an account back by a link that told of something, and return it.

    Ends every session, begun step and other link; removes the password, and what else
    opens the account since then; gives the account back the address that the link went
    to. Whoever runs the place is kept out until the owner lets them in again, or the
    command does; a guest is mailed a way in. Raises LinkUseless. The caller commits; the
    slower of two commits for one address fails with an IntegrityError.
    """
    mail_links.use(link, now=now)
    account, since, address = link.account, link.created_at, str(link.to)
    end_all(account)
    tickets.end_all(account)
    _remove_what_opens(account, link, since=since, now=now)
    if account.person.email != address:
        _move_back(account, address)
    _end_links(account, link, address)
    if account.of_the_house:
        account.suspended_at = account.suspended_at or now
        note_access([account], now=now)
        mail_links.tell(account, "secured", now=now, to=address)
    elif account.suspended_at is None:
        mail_links.send(account, WAY_IN, to=address, now=now, news="secured")
    return account


def _move_back(account: Account, address: str) -> None:
    """Give an account its former address, or none where another account has it by now.

    It must not keep the present one, to which whoever moved it could have a way in mailed.
    """
    try:
        give_address(account, address)
    except NameTaken:
        account.person.email = None
        vault().unindex(account.person_id, Kind.ACCOUNT_EMAIL)


def _remove_what_opens(account: Account, link: MailLink, *, since: datetime, now: datetime) -> None:
    account.password = None
    if account.totp_at is not None and account.totp_at >= since:
        codes.turn_off(account)
    remove_passkeys(Passkey.account_id == account.id, Passkey.created_at >= since, now=now)
    # When recovery codes were made isn't kept; what was told of them is.
    told = sa.select(MailLink.id).where(
        MailLink.account_id == account.id,
        MailLink.id >= link.id,
        MailLink.news.in_(_NEW_CODES),
    )
    if db.session.scalar(told.limit(1)) is not None or not codes.has_second_factor(account):
        codes.drop_recovery_codes(account)


def _end_links(account: Account, link: MailLink, address: str) -> None:
    """End what other links could do, except those told earlier, at an address before this one."""
    mail_links.end(account, VERIFY, WAY_IN, EMAIL, CLAIM, INVITE)
    db.session.execute(sa.delete(SignInLink).where(SignInLink.account_id == account.id))
    told = sa.select(MailLink).where(
        MailLink.account_id == account.id, MailLink.purpose == TOLD, MailLink.id != link.id
    )
    for other in db.session.scalars(told).all():
        if other.id > link.id or other.to == address:
            db.session.delete(other)
