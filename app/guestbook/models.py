"""Messages, wishes, and surveys."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.booking.models import Reservation
from app.core.database import Base, inner, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

GUEST, HOUSE = "guest", "house"

_WISH = Personal(Kind.WISH, (Purpose.ARRIVAL,), Retention.WISH, "C18")


class Message(Base):
    """One message in the thread of a reservation. Added, never changed."""

    __tablename__ = "message"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint("author IN ('guest', 'house')", name="known_author"),
        # Counted on the house's first page, however many were read long ago.
        sa.Index(
            "ix_message_unread",
            "author",
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    reservation_id: Mapped[int] = plain(
        sa.ForeignKey("reservation.id", ondelete="CASCADE"), index=True
    )
    # The guest's, whoever wrote it: it goes with them.
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    author: Mapped[str] = plain(sa.String(5))
    # Who of the house; no reference, as in the notes of who looked.
    writer_id: Mapped[int | None] = inner()
    sent_at: Mapped[datetime] = plain()
    read_at: Mapped[datetime | None] = plain()  # by the other side
    _body: Mapped[bytes | None] = sealed(
        "body", Personal(Kind.MESSAGE, (Purpose.SERVICE,), Retention.BOOKING, "C17")
    )

    body = opened("_body")

    reservation: Mapped[Reservation] = relationship()


class StayWish(Base):
    """What a guest asked for their stay. Nothing in it is needed."""

    __tablename__ = "stay_wish"
    __person__ = "person_id"

    reservation_id: Mapped[int] = plain(
        sa.ForeignKey("reservation.id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    changed_at: Mapped[datetime] = plain()
    _arrival: Mapped[bytes | None] = sealed("arrival", _WISH)
    _bed: Mapped[bytes | None] = sealed("bed", _WISH)
    _diet: Mapped[bytes | None] = sealed("diet", _WISH)
    _words: Mapped[bytes | None] = sealed("words", _WISH)

    arrival = opened("_arrival")  # wall time, HH:MM
    bed = opened("_bed")
    diet = opened("_diet")
    words = opened("_words")

    reservation: Mapped[Reservation] = relationship()


class Survey(Base):
    """A few questions after a stay, sent because the guest agreed to be asked."""

    __tablename__ = "survey"
    __person__ = "person_id"
    __table_args__ = tuple(
        sa.CheckConstraint(f"{column} IS NULL OR {column} BETWEEN 1 AND 5", name=column)
        for column in ("overall", "room", "welcome", "value")
    )

    id: Mapped[int] = plain(primary_key=True)
    reservation_id: Mapped[int] = plain(
        sa.ForeignKey("reservation.id", ondelete="CASCADE"), unique=True
    )
    # Numbers stay when the person goes: nobody can be found from them.
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="SET NULL"), index=True
    )
    # None once it can't be answered any more, or the person is gone.
    key_digest: Mapped[bytes | None] = inner(sa.LargeBinary(32), unique=True)
    sent_at: Mapped[datetime] = plain()
    answered_at: Mapped[datetime | None] = plain()
    overall: Mapped[int | None] = plain()
    room: Mapped[int | None] = plain()
    welcome: Mapped[int | None] = plain()
    value: Mapped[int | None] = plain()
    again: Mapped[bool | None] = plain()
    _words: Mapped[bytes | None] = sealed(
        "words", Personal(Kind.MESSAGE, (Purpose.SURVEY,), Retention.BOOKING, "C20")
    )

    words = opened("_words")

    reservation: Mapped[Reservation] = relationship()
