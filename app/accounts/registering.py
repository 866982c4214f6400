"""Opening an account: asked for on a page, made real by a link in a mail.

Until then it is a request that opens nothing and goes by itself. The page says the
same, and takes as long, whoever has an account already: the mail tells (C04).
"""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from blinker import Namespace

from app.accounts import mail_links
from app.accounts.claims import claim_all
from app.accounts.models import GUEST, Account, MailLink, Person
from app.accounts.names import NameTaken, NotAUsername, give_address, give_username
from app.core.database import db
from app.core.limits import Limit, TooManyRequests, spend
from app.core.vault import vault

# Of one network, and to one address: nobody's mailbox is filled by others.
REGISTERING = Limit("register", burst=20, per_hour=30)
MAILS_TO = Limit("account-mails-to", burst=4, per_hour=4)

account_requested = Namespace().signal("account-requested")
"""sender: the Account that was asked for; `now`. Sent inside the transaction that makes it."""


def ask_for_account(
    email: str, password_hash: str, username: str | None, *, language: str, now: datetime
) -> Account:
    """Write the request for an account, and have its link mailed. The caller commits.

    `username` is one that `tidy_username` returned; it is the account's once the link
    is used, if nobody has it by then.
    """
    person = Person(id=vault().new_person(), created_at=now)
    person.email = email
    account = Account(person=person, role=GUEST, created_at=now, language=language)
    db.session.add(account)
    # Sealing needs to know whose it is.
    account.person_id = person.id
    account.username = username
    account.password = password_hash
    db.session.flush()
    account_requested.send(account, now=now)
    mail_links.send(account, mail_links.VERIFY, to=email, now=now)
    return account


def count_mail(to: str, *, now: datetime) -> bool:
    """Count a mail to a keyed digest of a name or an address; tell whether it may be sent.

    Where it may not, nobody is told: that would say something of somebody else's mailbox.
    Nothing is counted then, so that asking on and on doesn't put the next mail off. Commits.
    """
    try:
        spend(MAILS_TO, to, now=now)
    except TooManyRequests:
        db.session.rollback()
        return False
    db.session.commit()
    return True


def open_account(link: MailLink, *, now: datetime) -> Account:
    """Make a request real by its link, and claim earlier bookings under the address.

    A user name that somebody else took meanwhile is left out. Raises LinkUseless, also
    where the address got an account meanwhile. The caller commits; the slower of two
    commits for one name fails with an IntegrityError.
    """
    mail_links.use(link, now=now)
    account = link.account
    try:
        give_address(account, str(link.to))
    except NameTaken as error:
        raise mail_links.LinkUseless from error
    try:
        give_username(account, account.username)
    except (NameTaken, NotAUsername):
        give_username(account, None)
    account.verified_at = now
    claim_all(account, now=now)
    return account


def forget_requests(accounts: Iterable[Account]) -> None:
    """Delete requests for accounts, and the persons that were made for them."""
    person_ids = [account.person_id for account in accounts]
    if person_ids:
        vault().destroy(person_ids)
        db.session.execute(sa.delete(Person).where(Person.id.in_(person_ids)))


def ran_out(now: datetime) -> sa.ColumnElement[bool]:
    """Say of an account that it is a request whose link ran out."""
    return sa.and_(
        Account.verified_at.is_(None),
        Account.created_at <= now - mail_links.LIFE[mail_links.VERIFY],
        Account.role == GUEST,
    )
