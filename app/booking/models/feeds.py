"""Partners' calendars: what goes out to one, what comes in from one, and where both disagree.

Nothing of a person is here: dates, counts, and addresses that were given to partners.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, inner, plain

OPEN, DISMISSED, ECHO = "open", "dismissed", "echo"


class Feed(Base):
    """One partner's calendar of one offer, or of one of its units."""

    __tablename__ = "feed"
    __table_args__ = (sa.Index("ix_feed_next_at", "next_at"),)

    id: Mapped[int] = plain(primary_key=True)
    channel: Mapped[str] = plain(sa.String(60))  # what the house calls the partner
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int | None] = plain(sa.ForeignKey("unit.id", ondelete="CASCADE"), index=True)
    made_at: Mapped[datetime] = plain()

    # Out: the digest of the address that the partner was given; none while none is good.
    token_digest: Mapped[bytes | None] = inner(sa.LargeBinary(32), unique=True)
    out_since: Mapped[datetime | None] = plain()
    # What the partner was told last, as [first, until] days, and when they asked.
    told: Mapped[list[Any]] = plain(server_default="[]")
    told_at: Mapped[datetime | None] = plain()

    # In: the partner's own address may be a secret; it is sealed by the site's key.
    in_address: Mapped[bytes | None] = inner()
    in_host: Mapped[str] = plain(sa.String(253), default="", server_default="")
    next_at: Mapped[datetime | None] = plain()  # when it is fetched next; none where never
    tried_at: Mapped[datetime | None] = plain()
    good_at: Mapped[datetime | None] = plain()
    failures: Mapped[int] = plain(default=0, server_default="0")  # in a row
    fault: Mapped[str] = plain(sa.String(20), default="", server_default="")
    # What the last change was: nights that were blocked, and that were given back.
    changed_at: Mapped[datetime | None] = plain()
    blocked: Mapped[int] = plain(default=0, server_default="0")
    released: Mapped[int] = plain(default=0, server_default="0")


class FeedConflict(Base):
    """Nights that a partner says are taken, and that couldn't be, or that are our own come back."""

    __tablename__ = "feed_conflict"
    __table_args__ = (
        sa.CheckConstraint("until > first", name="has_nights"),
        sa.CheckConstraint("state IN ('open', 'dismissed', 'echo')", name="known_state"),
    )

    id: Mapped[int] = plain(primary_key=True)
    feed_id: Mapped[int] = plain(sa.ForeignKey("feed.id", ondelete="CASCADE"), index=True)
    first: Mapped[date] = plain()
    until: Mapped[date] = plain()
    state: Mapped[str] = plain(sa.String(10))
    found_at: Mapped[datetime] = plain()
