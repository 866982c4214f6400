"""The counters and the seating: what the database defends against overselling (D3).

A row is made when a night or session is first taken; where there is none,
everything is free. Reading a counter costs the same with a thousand
reservations and with a million.
"""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, plain

# The last word: whatever a program believes, more than there is can't be stored.
_WITHIN = "taken BETWEEN 0 AND capacity"


class Night(Base):
    """How many units of an offer are taken for one night."""

    __tablename__ = "night"
    __table_args__ = (
        sa.CheckConstraint(_WITHIN, name="within_capacity"),
        {"sqlite_with_rowid": False},
    )

    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id"), primary_key=True)
    night: Mapped[date] = plain(primary_key=True)
    capacity: Mapped[int] = plain()
    taken: Mapped[int] = plain()


class SessionPlaces(Base):
    """How many seats of a session are taken for one start."""

    __tablename__ = "session_places"
    __table_args__ = (
        sa.CheckConstraint(_WITHIN, name="within_capacity"),
        {"sqlite_with_rowid": False},
    )

    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id"), primary_key=True)
    starts_at: Mapped[datetime] = plain(primary_key=True)
    capacity: Mapped[int] = plain()
    taken: Mapped[int] = plain()


class Block(Base):
    """Nights for which the house keeps a unit to itself; it is taken like a stay's."""

    __tablename__ = "unit_block"
    __table_args__ = (
        sa.CheckConstraint("until > first", name="has_nights"),
        sa.CheckConstraint(
            "reason IN ('repair', 'own_use', 'closed', 'other', 'partner')", name="reason"
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id"))
    unit_id: Mapped[int] = plain(sa.ForeignKey("unit.id"), index=True)
    first: Mapped[date] = plain()
    until: Mapped[date] = plain()  # the first night that is free again
    reason: Mapped[str] = plain(sa.String(10))
    made_at: Mapped[datetime] = plain()
    # The partner's calendar that it came from, and goes with.
    feed_id: Mapped[int | None] = plain(sa.ForeignKey("feed.id", ondelete="SET NULL"), index=True)


class Seating(Base):
    """Who has a unit for a night, a stay or a block: one row a unit and night, and no second."""

    __tablename__ = "seating"
    __table_args__ = (
        sa.CheckConstraint("(line_id IS NULL) != (block_id IS NULL)", name="stay_or_block"),
        sa.Index("ix_seating_line_id", "line_id"),
        {"sqlite_with_rowid": False},
    )

    unit_id: Mapped[int] = plain(sa.ForeignKey("unit.id"), primary_key=True)
    night: Mapped[date] = plain(primary_key=True)
    line_id: Mapped[int | None] = plain(sa.ForeignKey("reservation_line.id", ondelete="CASCADE"))
    block_id: Mapped[int | None] = plain(
        sa.ForeignKey("unit_block.id", ondelete="CASCADE"), index=True
    )
