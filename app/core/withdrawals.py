"""The ledger of withdrawals: a no that outlives a restored book (C09, C21, C22, C23).

Whoever takes back a yes, objects, or ends an access does so in the book. The same transaction
notes it there under a random number, and a job enters it here, into the keys' database beside
the ledger of erasures: nobody waits for that one, and nothing fails for it. An entry has that
number, an instant, a kind from a short list and a keyed digest of what it concerns; no name
and no text fit in.

A book that lacks an entry's number is older than the entry: it was restored, and must not be
served before `replay` has carried out there what it lacks. How that is done for a kind is
said where its verbs are (`carries_out`): it goes through its rows and asks `Wanted` which of
them is meant. Only a no is carried out. That one was taken back cancels it, and nothing else.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped

from app.core.database import (
    KEYS,
    Base,
    KeysBase,
    connect_to_read,
    db,
    inner,
    kept,
    one_of,
    only_reading,
    plain,
    table,
)
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.languages import N_
from app.core.outbox import enqueue, handles
from app.core.sweeps import DAY, Sweep, register
from app.core.vault import derive

PERMISSION = "permission"  # a yes to a purpose, a partner, or a review's very words
CHOICE = "choice"  # a yes to cookies, with what was noted under it
SIGNAL = "signal"  # a browser's refusal that counts for an account
RESTRICTION = "restriction"  # an objection, or that something is kept and used for nothing
HANDOVER = "handover"  # a no to being handed over to somebody else
REVIEW = "review"  # a review that its guest deleted, or the house declined
PARTNER = "partner"  # what a partner may get, which ended for everybody
WISH = "wish"  # wishes for a stay, or what somebody eats
CARD = "card"  # means to pay that a provider was asked to keep
DEVICE = "device"  # a device that was told
FEED = "feed"  # the address of a calendar
LINK = "link"  # a guest's link to their reservation
SESSION = "session"  # a sign-in that somebody ended
PASSKEY = "passkey"  # a way to sign in
ACCESS = "access"  # somebody's access to the house
KINDS = (
    *(PERMISSION, CHOICE, SIGNAL, RESTRICTION, HANDOVER, REVIEW, PARTNER, WISH, CARD),
    *(DEVICE, FEED, LINK, SESSION, PASSKEY, ACCESS),
)
"""What can be taken back, in the order in which it is carried out again."""

MARGIN = timedelta(days=7)
"""So much longer than the backups of the book an entry stays: a copy may be late to go."""
TOPIC = "withdrawals"
_NUMBER = 16  # bytes
_AT_ONCE = 500

_SAID = Personal(
    Kind.OBJECTION,
    (Purpose.RIGHTS,),
    Retention.WITHDRAWAL,
    "C09",
    readable="it goes by its date, and whose it was isn't said",
)

What = Sequence[str | int | bytes | datetime]
"""What a row is known by, for ever: random numbers and instants, nothing that is used again."""


class WithdrawalEntry(KeysBase):
    """Something that was taken back. Added, never changed; no text fits in."""

    __tablename__ = "withdrawal_entry"
    __person__ = None
    __table_args__ = (sa.CheckConstraint(one_of("kind", KINDS), name="known_kind"),)

    id: Mapped[str] = inner(sa.String(22), primary_key=True)  # random
    at: Mapped[datetime] = kept(_SAID)
    kind: Mapped[str] = plain(sa.String(11))
    lifted: Mapped[bool] = plain()  # the no itself was taken back
    digest: Mapped[bytes] = inner(sa.LargeBinary(32))


class Withdrawal(Base):
    """Something that was taken back in this book, or carried out in it again."""

    __tablename__ = "withdrawal"
    __person__ = None
    __table_args__ = (
        sa.Index(
            "ix_withdrawal_waiting",
            "id",
            sqlite_where=sa.text("entered_at IS NULL"),
            postgresql_where=sa.text("entered_at IS NULL"),
        ),
    )

    id: Mapped[str] = inner(sa.String(22), primary_key=True)
    at: Mapped[datetime] = kept(_SAID, index=True)
    kind: Mapped[str] = plain(sa.String(11))
    lifted: Mapped[bool] = plain()
    digest: Mapped[bytes] = inner(sa.LargeBinary(32))
    entered_at: Mapped[datetime | None] = plain()  # into the ledger


class Entry(NamedTuple):
    """An entry of the ledger, as it stands there."""

    id: str
    at: datetime
    kind: str
    lifted: bool
    digest: bytes


_ledger, _noted = table(WithdrawalEntry), table(Withdrawal)
_columns = tuple(_noted.c[name] for name in Entry._fields)


class Wanted:
    """What of one kind is to be carried out: asked by what a row is known by."""

    def __init__(self, kind: str, entries: Iterable[Entry]) -> None:
        self._kind = kind
        last: dict[bytes, Entry] = {}
        # Of a no and its end at one instant, the no counts.
        for entry in sorted(entries, key=lambda one: (one.at, not one.lifted)):
            last[entry.digest] = entry
        self._at = {digest: one.at for digest, one in last.items() if not one.lifted}

    def __bool__(self) -> bool:
        return bool(self._at)

    def since(self, *what: str | int | bytes | datetime) -> datetime | None:
        """Return when that was taken back which is known by these words; None where it wasn't."""
        return self._at.get(digest_of(self._kind, what))


CarryOut = Callable[[Wanted], None]
_carry_out: dict[str, CarryOut] = {}


def carries_out(kind: str) -> Callable[[CarryOut], CarryOut]:
    """Register the decorated function as the one that carries out a kind in an older book.

    It finds its rows by what they are known by, and doesn't commit; done twice, the second
    time finds nothing.
    """

    def register_it(carry_out: CarryOut) -> CarryOut:
        _carry_out[kind] = carry_out
        return carry_out

    return register_it


def digest_of(kind: str, what: What) -> bytes:
    """Return the digest under which the ledger knows something: keyed, 32 bytes."""
    secret: bytes = current_app.extensions["settings"].master_key
    key = derive(secret, "reserved: ledger of withdrawals")
    return hmac.digest(key, "\0".join((kind, *map(_spelled, what))).encode(), sha256)


def _spelled(word: str | int | bytes | datetime) -> str:
    if isinstance(word, datetime):
        return word.astimezone(UTC).isoformat(timespec="microseconds")
    return word.hex() if isinstance(word, bytes) else str(word)


# -- Taking back ----------------------------------------------------------------------------


def note(kind: str, whats: Iterable[What], *, now: datetime, lifted: bool = False) -> None:
    """Note in the book what is taken back in the present transaction. The caller commits.

    `lifted`: what ends is the no itself.
    """
    rows = [
        {
            "id": secrets.token_urlsafe(_NUMBER),
            "at": now,
            "kind": kind,
            "lifted": lifted,
            "digest": digest_of(kind, what),
        }
        for what in whats
    ]
    if rows:
        db.session.connection().execute(sa.insert(_noted), rows)
        enqueue(TOPIC, {}, now=now)


@handles(TOPIC)
def enter(_payload: dict[str, Any], now: datetime) -> None:
    """Enter into the ledger what the book has noted since, as the outbox asks. It commits.

    The book isn't locked while the other database is waited for. After a crash in between,
    what was entered is entered again, and changes nothing.
    """
    with only_reading():
        waiting = _rows(_noted.c.entered_at.is_(None))
    _enter(waiting)
    ids = [one.id for one in waiting]
    for start in range(0, len(ids), _AT_ONCE):
        some = _noted.c.id.in_(ids[start : start + _AT_ONCE])
        db.session.execute(sa.update(_noted).where(some).values(entered_at=now))


def noted() -> list[Entry]:
    """Return all that this book knows to be taken back, the oldest first."""
    with only_reading():
        return _rows(sa.true())


def complete(more: Sequence[Entry] = (), *, now: datetime) -> None:
    """Enter what the ledger lacks, whatever was entered: the keys' database may be the older one.

    What that one has still, past its date, goes. `more` is what another book knew. Units of
    work of their own in that database.
    """
    found = [*noted(), *more]
    with connect_to_read(db.engines[KEYS]) as connection:
        entered = set(connection.scalars(sa.select(_ledger.c.id)))
    _enter([one for one in found if one.id not in entered])
    _forget_entered(now)


def _rows(which: sa.ColumnElement[bool]) -> list[Entry]:
    query = sa.select(*_columns).where(which).order_by(_noted.c.at, _noted.c.id)
    return [Entry(*row) for row in db.session.execute(query)]


def _enter(entries: Sequence[Entry]) -> None:
    """Add entries to the ledger; what it has already stays as it is."""
    if not entries:
        return
    engine = db.engines[KEYS]
    postgres = engine.dialect.name == "postgresql"
    insert = (postgresql.insert if postgres else sqlite.insert)(_ledger).on_conflict_do_nothing()
    with engine.begin() as connection:
        connection.execute(insert, [one._asdict() for one in entries])


# -- Carrying out in an older book ----------------------------------------------------------


def in_force(*, now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an entry of the ledger is carried out in a book without it.

    The book may have forgotten one that is past its date, while a keys' database that was put
    back has it still. Carried out again, it would end what was allowed, or lifted, since.
    """
    return _ledger.c.at > now - kept_for()


def missing(*, now: datetime) -> list[Entry]:
    """Return the entries in force that this book knows nothing of: it is older."""
    with connect_to_read(db.engines[KEYS]) as connection:
        query = sa.select(*(_ledger.c[name] for name in Entry._fields)).order_by(_ledger.c.at)
        entered = [Entry(*row) for row in connection.execute(query.where(in_force(now=now)))]
    known = set(db.session.scalars(sa.select(_noted.c.id))) if entered else set()
    return [one for one in entered if one.id not in known]


def replay(*, now: datetime) -> int:
    """Carry out in the book what it lacks, and note it; return how many entries those were.

    One transaction: a crash leaves the book as it was, to be done again. Commits.
    """
    lacking = missing(now=now)
    for kind in KINDS:
        wanted = Wanted(kind, (one for one in lacking if one.kind == kind))
        if wanted:
            _carry_out[kind](wanted)
            db.session.flush()
    if lacking:
        rows = [{**one._asdict(), "entered_at": now} for one in lacking]
        db.session.execute(sa.insert(_noted), rows)
    db.session.commit()
    return len(lacking)


# -- Going ----------------------------------------------------------------------------------


def kept_for() -> timedelta:
    """Return how long an entry stays: no backup of the book from before it is left then."""
    return timedelta(days=current_app.extensions["settings"].backup_days) + MARGIN


def _over(now: datetime) -> sa.Select[Any]:
    return sa.select(_noted.c.id).where(_noted.c.at <= now - kept_for())


def _forget(ids: Sequence[str], now: datetime) -> None:
    # From the ledger first: a book that lacks an entry would be taken for an older one.
    _forget_entered(now)
    db.session.execute(sa.delete(_noted).where(_noted.c.id.in_(ids)))


def _forget_entered(now: datetime) -> None:
    with db.engines[KEYS].begin() as connection:
        connection.execute(sa.delete(_ledger).where(~in_force(now=now)))


register(
    Sweep(
        name="withdrawals",
        retention=Retention.WITHDRAWAL,
        words=N_("that something was taken back, once no copy of the books is left from before"),
        every=DAY,
        of=Withdrawal,
        due=_over,
        remove=_forget,
    )
)
