"""What accounts are signed in with: user names and verified addresses, each one's alone.

They are found by a keyed digest in the keys' database, where a unique index has the
last word; nothing in the book tells who has an account.
"""

import re
import unicodedata

import sqlalchemy as sa

from app.accounts.models import Account
from app.core.database import db
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import vault

LEAST, MOST = 3, 30
# Letters of any script, digits, and a few signs between them. No "@": that is an address.
_USERNAME = re.compile(r"[^\W_](?:[\w.\-]*[^\W_])?")


class NotAUsername(DomainError):
    """A user name of another shape."""

    message = N_(
        "A user name has 3 to 30 letters or digits, and dots, dashes or underscores between them."
    )


class NameTaken(DomainError):
    """Another account has it."""

    message = N_("This one is taken. Please choose another.")


def tidy_username(text: str) -> str:
    """Return a user name as it is kept (NFKC). Raises NotAUsername."""
    name = unicodedata.normalize("NFKC", text.strip())
    if not (LEAST <= len(name) <= MOST and _USERNAME.fullmatch(name)):
        raise NotAUsername
    return name


def account_named(name: str) -> Account | None:
    """Return the account with that user name or verified address, of any role.

    Costs one look-up in the keys' database and one in the book whether or not there
    is such an account.
    """
    text = unicodedata.normalize("NFKC", name.strip())
    kind = Kind.ACCOUNT_EMAIL if "@" in text else Kind.USERNAME
    # Nobody has the empty id: a wrong name asks the book the same question.
    person_id = next(iter(vault().find(kind, text)), "")
    return db.session.scalar(
        sa.select(Account).where(Account.person_id == person_id, Account.verified_at.is_not(None))
    )


def give_username(account: Account, text: str | None) -> None:
    """Give an account a user name, or none. The caller commits.

    Raises NotAUsername, and NameTaken for a name that another account has; of two who
    ask for one at the same time the slower commit fails with an IntegrityError.
    """
    if not text:
        account.username = None
        vault().unindex(account.person_id, Kind.USERNAME)
        return
    name = tidy_username(text)
    if any(found != account.person_id for found in vault().find(Kind.USERNAME, name)):
        raise NameTaken
    account.username = name
    vault().index(account.person_id, Kind.USERNAME, name)


def give_address(account: Account, email: str) -> None:
    """Let an account be found by an address that was proved to be its person's.

    Raises NameTaken when another account has it. The caller commits.
    """
    if any(found != account.person_id for found in vault().find(Kind.ACCOUNT_EMAIL, email)):
        raise NameTaken
    account.person.email = email
    vault().index(account.person_id, Kind.ACCOUNT_EMAIL, email)
