"""The data map: what every column holds, for what purpose, and for how long.

A column declares itself where it is made (`plain`, `sealed`, `kept` in
`core.database`); the site doesn't start with one that doesn't. Pages, the download,
erasure, the purge and the policy's tables are derived from here, so a field
can't be forgotten by any of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, MetaData, Table


class Kind(StrEnum):
    """What sort of personal data a value is (C03, C08)."""

    NAME = "name"
    TITLE = "title"
    COMPANY = "company"
    EMAIL = "email"
    PHONE = "phone"
    WECHAT_ID = "wechat_id"
    BILLING_ADDRESS = "billing_address"
    SHIPPING_ADDRESS = "shipping_address"
    LANGUAGE = "language"
    BOOKING = "booking"
    PAYMENT = "payment"
    AGREEMENT = "agreement"
    NETWORK_PSEUDONYM = "network_pseudonym"
    SIGN_IN = "sign_in"
    PERSON_KEY = "person_key"
    PERSON_INDEX = "person_index"
    USERNAME = "username"
    ACCOUNT_EMAIL = "account_email"
    CREDENTIAL = "credential"
    DEVICE = "device"
    READING = "reading"
    CHOICE = "choice"
    ACTIVITY = "activity"
    HISTORY = "history"
    MESSAGE = "message"
    DISCLOSURE = "disclosure"
    WISH = "wish"
    PUSH = "push"
    REVIEW = "review"
    PERMISSION = "permission"
    NOTICE = "notice"
    OBJECTION = "objection"


class Purpose(StrEnum):
    """Why data are held; each is named by a clause (C16–C18)."""

    RESERVATION = "reservation"
    INVOICE = "invoice"
    POSTING = "posting"
    SIGN_IN = "sign_in"
    SECURITY = "security"
    AGREEMENT = "agreement"
    ACCOUNT = "account"
    PROOF = "proof"
    STATISTICS = "statistics"
    SUGGESTIONS = "suggestions"
    RIGHTS = "rights"
    SERVICE = "service"
    ARRIVAL = "arrival"
    SURVEY = "survey"
    NOTICE = "notice"
    """To tell people what they must know (C13, C15, C24, C25)."""
    PARTNER = "partner"
    PUBLIC = "public"


class Retention(StrEnum):
    """The rule that says when a value goes (C12)."""

    BASKET = "basket"
    """Two days after the last change; nobody's name is on it."""
    UNPAID = "unpaid"
    """Thirty days after a hold ran out unpaid."""
    BOOKING = "booking"
    """As long as the booking runs, and until nobody can have a claim from it any more."""
    PAPERS = "papers"
    """Amounts, dates and issued invoices: as long as the law on trade and taxes asks."""
    SESSION = "session"
    """Until sign-out, or the end of the session."""
    SECURITY = "security"
    """Thirty days at most."""
    ACCOUNT = "account"
    """As long as the account is there."""
    READING = "reading"
    """A year, so that the person can see who looked."""
    ACTIVITY = "activity"
    """Until the yes is taken back or runs out; 13 months at most."""
    RECEIPT = "receipt"
    """Three years after the choice ran out; its digest stays in the chain."""
    WISH = "wish"
    """What was asked for a stay: until it is over, and a little longer."""
    EXPORT = "export"
    """A download that was made: 72 hours after it was ready."""
    RIGHTS = "rights"
    """A request about one's own data: until it can't be disputed any more."""
    PERSON = "person"
    """As long as anything else of the person is kept."""
    WITHDRAWAL = "withdrawal"
    """That there was a no, not whose: longer than any backup of the book from before it."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A column's declaration that it holds personal data.

    `readable` is empty for a sealed column; otherwise it is the reason why the
    database itself must be able to read the value.
    """

    kind: Kind
    purposes: tuple[Purpose, ...]
    retention: Retention
    clause: str
    readable: str = ""


@dataclass(frozen=True, slots=True)
class PersonLink:
    """A column that only says whose row it is."""


@dataclass(frozen=True, slots=True)
class NotPersonal:
    """A column's declaration that it tells nothing of a person by itself.

    In the row of a person it goes along to that person: in their download, and away.
    """


@dataclass(frozen=True, slots=True)
class Internal:
    """A column's declaration that it is the house's own mechanics: a key, a digest, a count.

    It tells nothing of a person, even in their row, and is shown to nobody.
    """


NOT_PERSONAL = NotPersonal()
INTERNAL = Internal()
PERSON_LINK = PersonLink()
Declaration = Personal | PersonLink | NotPersonal | Internal


def declaration(column: Column[object]) -> Declaration | None:
    """Return what a column says of itself, or None where it says nothing."""
    found = column.info.get("data")
    return found if isinstance(found, Personal | PersonLink | NotPersonal | Internal) else None


def tables_in_order(metadata: MetaData) -> Sequence[Table]:
    """Return the tables so that each comes after those that it refers to.

    SQLAlchemy sorts them anew whenever it is asked, which takes a millisecond.
    """
    known: Sequence[Table] = metadata.info.get("in_order", ())
    if len(known) != len(metadata.tables):
        known = metadata.info["in_order"] = tuple(metadata.sorted_tables)
    return known


def personal_columns(*metadatas: MetaData) -> Iterator[tuple[Column[object], Personal]]:
    """Yield every column that holds personal data, with its declaration."""
    for metadata in metadatas:
        for table in tables_in_order(metadata):
            for column in table.columns:
                declared = declaration(column)
                if isinstance(declared, Personal):
                    yield column, declared


class Undeclared(TypeError):
    """A column says nothing of what it holds; its message names it."""


def refuse_undeclared(*metadatas: MetaData) -> None:
    """Raise Undeclared where a column declares nothing: no page, erasure or purge would know it."""
    silent = [
        f"{table.name}.{column.name}"
        for metadata in metadatas
        for table in tables_in_order(metadata)
        for column in table.columns
        if declaration(column) is None
    ]
    if silent:
        raise Undeclared(f"These columns don't declare what they hold: {', '.join(silent)}")
