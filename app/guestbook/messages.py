"""The thread of a reservation: what guest and house write to each other, sealed for the guest.

Whoever has the reservation's link, or its account, writes as the guest; the house answers
on the reservation's page. The mail that tells of a message never holds it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts.models import Restriction
from app.accounts.restrictions import restricted
from app.booking.mine import end_of
from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import get_for_update, is_held
from app.booking.shop import shop
from app.core.database import changed, db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.limits import Limit, spend
from app.core.outbox import enqueue
from app.core.vault import PersonUnknown, vault
from app.guestbook.models import GUEST, HOUSE, Message

MOST = 2_000
"""Characters of one message."""

STAYS_OPEN = timedelta(days=30)
"""So long after what was booked is over both sides may still write."""

# A family that sorts out its arrival writes less; a machine that fills our disk doesn't.
WRITING = Limit("message", burst=10, per_hour=10)
# The same words again so soon are a form sent twice.
_TWICE = timedelta(minutes=10)
# Who writes three lines in three messages means one mail.
_ONE_MAIL = timedelta(hours=1)
# A thread as long as this is read from its end; nobody's page grows without end.
_SHOWN = 200

_OTHER = {GUEST: HOUSE, HOUSE: GUEST}


class ThreadClosed(DomainError):
    """The stay is over for longer than STAYS_OPEN, or there never was one."""

    message = N_("This conversation is closed. Please write to us by mail, or call.")


@dataclass(frozen=True, slots=True)
class Said:
    """One message as a page shows it; `lines` is its text, line by line."""

    author: str
    at: datetime
    read: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A thread in which the guest has written something that nobody of the house has read."""

    reference: str
    person_id: str
    count: int
    since: datetime


def is_open(reservation: Reservation, *, now: datetime) -> bool:
    """Tell whether something may still be written about a reservation."""
    if reservation.person_id is None or reservation.archived_at is not None:
        return False
    firm = reservation.status in (CONFIRMED, CANCELLED)
    if not firm and not is_held(reservation, now=now):
        return False
    if now > end_of(reservation, shop().venue) + STAYS_OPEN:
        return False
    # Nobody of the house could read it; what was written waits until the guest lifts that.
    return not restricted([reservation.person_id], Purpose.RESERVATION)


def write(
    reservation_id: int, author: str, body: str, *, now: datetime, writer_id: int | None = None
) -> Message:
    """Add a message to a reservation's thread, and have the other side told by mail.

    `body`: 1 to MOST characters, sifted by its form. `writer_id`: who of the house. The same
    words sent twice are one message. Locks the reservation; the caller commits. Raises
    ThreadClosed, and TooManyRequests for a guest who writes too often.
    """
    reservation = get_for_update(reservation_id)
    if not is_open(reservation, now=now) or reservation.person_id is None:
        raise ThreadClosed
    last = _newest(reservation_id)
    if last is not None and _is_again(last, author, body, now=now):
        return last
    if author == GUEST:
        spend(WRITING, f"r{reservation_id}", now=now)
    told = _told_lately(reservation_id, author, now=now)
    message = Message(
        reservation_id=reservation_id,
        person_id=reservation.person_id,
        author=author,
        writer_id=writer_id,
        sent_at=now,
    )
    try:
        message.body = body
    except PersonUnknown as error:
        raise ThreadClosed from error
    db.session.add(message)
    db.session.flush()
    if not told:
        _tell(reservation, _OTHER[author], now=now)
    return message


def _is_again(last: Message, author: str, body: str, *, now: datetime) -> bool:
    return last.author == author and last.sent_at > now - _TWICE and _body(last) == body


def _tell(reservation: Reservation, side: str, *, now: datetime) -> None:
    """Have one side told that there is something to read."""
    if side == GUEST:
        enqueue("mail", {"template": "message", "reservation_id": reservation.id}, now=now)
    else:
        enqueue("house-mail", {"reservation_id": reservation.id}, now=now)


def _told_lately(reservation_id: int, author: str, *, now: datetime) -> bool:
    """Whether a mail went out lately about what the other side hasn't read yet."""
    query = sa.select(Message.id).where(
        Message.reservation_id == reservation_id,
        Message.author == author,
        Message.read_at.is_(None),
        Message.sent_at > now - _ONE_MAIL,
    )
    return db.session.scalar(query.limit(1)) is not None


def _newest(reservation_id: int) -> Message | None:
    query = sa.select(Message).where(Message.reservation_id == reservation_id)
    return db.session.scalar(query.order_by(Message.id.desc()).limit(1))


# -- Reading --------------------------------------------------------------------------------


def thread(reservation: Reservation) -> list[Said]:
    """Return what was written about a reservation, oldest first; nothing of who was erased."""
    query = sa.select(Message).where(Message.reservation_id == reservation.id)
    newest = db.session.scalars(query.order_by(Message.id.desc()).limit(_SHOWN)).all()
    vault().unlock({message.person_id for message in newest})
    said = []
    for message in reversed(newest):
        body = _body(message)
        if body is not None:
            lines = tuple(body.split("\n"))
            said.append(Said(message.author, message.sent_at, message.read_at is not None, lines))
    return said


def _body(message: Message) -> str | None:
    try:
        return message.body
    except PersonUnknown:
        return None


def mark_read(reservation_id: int, author: str, *, now: datetime) -> int:
    """Note that the other side has read what `author` wrote; return how many. Caller commits."""
    result = db.session.execute(
        sa.update(Message)
        .where(
            Message.reservation_id == reservation_id,
            Message.author == author,
            Message.read_at.is_(None),
            Message.sent_at <= now,
        )
        .values(read_at=now)
    )
    return changed(result)


def unread_of(reservation_ids: Collection[int], author: str) -> dict[int, int]:
    """Return how much of `author`'s isn't read yet, by reservation; one statement."""
    if not reservation_ids:
        return {}
    query = (
        sa.select(Message.reservation_id, sa.func.count())
        .where(
            Message.reservation_id.in_(reservation_ids),
            Message.author == author,
            Message.read_at.is_(None),
        )
        .group_by(Message.reservation_id)
    )
    return {row[0]: int(row[1]) for row in db.session.execute(query)}


# Written out: a database can't tell that a partial index serves a parameter. What the
# house may not read waits for nobody.
_FROM_GUESTS = sa.and_(
    Message.author == sa.literal_column("'guest'", sa.String),
    Message.read_at.is_(None),
    ~sa.exists().where(
        Restriction.person_id == Message.person_id,
        Restriction.purpose == Purpose.RESERVATION.value,
        Restriction.ended_at.is_(None),
    ),
)


def unread_count() -> sa.Select[int]:
    """Return the statement for how many messages of guests nobody of the house has read."""
    return sa.select(sa.func.count()).select_from(Message).where(_FROM_GUESTS)


def waiting_for_house(most: int = 10) -> Sequence[Waiting]:
    """Return the threads that wait for the house, the longest waiting first."""
    since = sa.func.min(Message.sent_at, type_=Message.sent_at.type)
    query = (
        sa.select(Reservation.reference, Message.person_id, sa.func.count(), since)
        .join(Reservation, Reservation.id == Message.reservation_id)
        .where(_FROM_GUESTS)
        .group_by(Reservation.id, Reservation.reference, Message.person_id)
        .order_by(since)
        .limit(most)
    )
    return [Waiting(row[0], row[1], int(row[2]), row[3]) for row in db.session.execute(query)]
