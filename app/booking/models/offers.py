"""What the owner offers: the venue, offers, their units, rates, extras and charges.

Nothing here is personal. Pages read it through the snapshot in
`booking.catalogue`, which is made anew when `catalogue_version` moves.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, plain

STAY, SESSION = "stay", "session"


class VenueRow(Base):
    """The place itself: one row."""

    __tablename__ = "venue"
    __table_args__ = (sa.CheckConstraint("id = 1", name="one_venue"),)

    id: Mapped[int] = plain(primary_key=True, default=1)
    name: Mapped[str] = plain(sa.String(100))
    texts: Mapped[dict[str, Any]] = plain()  # {language: {"tagline", "story", "alt", …}}
    picture: Mapped[str] = plain(sa.String(100))
    zone: Mapped[str] = plain(sa.String(50))  # IANA name
    currency: Mapped[str] = plain(sa.String(3))  # ISO 4217
    address: Mapped[list[Any]] = plain()  # printed lines
    email: Mapped[str] = plain(sa.String(254))
    phone: Mapped[str] = plain(sa.String(30))
    cancellation: Mapped[str] = plain(sa.Text)  # CancellationPolicy.to_json
    check_in: Mapped[str] = plain(sa.String(5))  # wall time, HH:MM
    check_out: Mapped[str] = plain(sa.String(5))
    months_ahead: Mapped[int] = plain()
    deposit_bp: Mapped[int | None] = plain()  # share that makes a booking firm; None: all of it
    balance_days: Mapped[int] = plain(default=14, server_default="14")  # before the first start
    tax_id: Mapped[str] = plain(sa.String(30), server_default="", default="")  # on invoices
    country: Mapped[str] = plain(sa.String(2), server_default="DE", default="DE")  # ISO 3166-1
    # Whose rules say until when a request about one's own data is answered: a key of
    # `privacy.clocks`.
    rights_law: Mapped[str] = plain(sa.String(12), server_default="gdpr", default="gdpr")
    remind_days: Mapped[int] = plain(default=3, server_default="3")  # before arrival; 0: never
    # Who is responsible for people's data, where that isn't told by the place's own name:
    # {"name", "address", "email", "country"}; and since when, if it was somebody else before.
    controller: Mapped[dict[str, Any] | None] = plain(sa.JSON(none_as_null=True))
    controller_since: Mapped[datetime | None] = plain()
    # The last day of service, once the house closes down; and when it had closed for good.
    closes_on: Mapped[date | None] = plain()
    closed_at: Mapped[datetime | None] = plain()
    catalogue_version: Mapped[int] = plain(default=1)


class OfferRow(Base):
    """What can be reserved: a stay in one of several like units, or a session."""

    __tablename__ = "offer"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('stay', 'session')", name="known_kind"),
        sa.CheckConstraint(
            "(kind = 'stay' AND units > 0 AND guests_most > 0 AND nights_least > 0"
            " AND nights_most >= nights_least)"
            " OR (kind = 'session' AND seats > 0 AND minutes > 0 AND schedule_rules IS NOT NULL)",
            name="whole",
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    slug: Mapped[str] = plain(sa.String(60), unique=True)
    kind: Mapped[str] = plain(sa.String(10))
    position: Mapped[int] = plain(default=0)
    texts: Mapped[dict[str, Any]] = plain()  # {language: {"name", "summary", "story", "alt"}}
    picture: Mapped[str] = plain(sa.String(100))
    vat_bp: Mapped[int] = plain(default=0)  # hundredths of a percent, included in prices
    # Only what is on sale is shown and can be booked; a draft has its preview.
    on_sale: Mapped[bool] = plain(default=True, server_default=sa.true())

    units: Mapped[int | None] = plain()
    adults_most: Mapped[int | None] = plain()
    children_most: Mapped[int | None] = plain()
    guests_most: Mapped[int | None] = plain()
    nights_least: Mapped[int | None] = plain()
    nights_most: Mapped[int | None] = plain()

    minutes: Mapped[int | None] = plain()
    seats: Mapped[int | None] = plain()
    cutoff_minutes: Mapped[int | None] = plain()  # booking ends that long before the start
    adult_minor: Mapped[int | None] = plain()
    child_minor: Mapped[int | None] = plain()
    schedule_starts: Mapped[str | None] = plain(sa.String(16))  # wall time, YYYY-MM-DDTHH:MM
    schedule_rules: Mapped[str | None] = plain(sa.Text)  # RFC 5545 lines, wall time

    unit_rows: Mapped[list["UnitRow"]] = relationship(
        back_populates="offer", cascade="all, delete-orphan", order_by="UnitRow.position"
    )
    rates: Mapped[list["RateRow"]] = relationship(
        back_populates="offer", cascade="all, delete-orphan"
    )


class UnitRow(Base):
    """One room, boat or table of a stay offer."""

    __tablename__ = "unit"
    __table_args__ = (sa.UniqueConstraint("offer_id", "position"),)

    id: Mapped[int] = plain(primary_key=True)
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id", ondelete="CASCADE"))
    position: Mapped[int] = plain()  # below zero: given up, and kept for the stays that it had
    name: Mapped[str] = plain(sa.String(60))

    offer: Mapped[OfferRow] = relationship(back_populates="unit_rows")


class RateRow(Base):
    """A price a night, on some weekdays or in some season; the highest priority wins."""

    __tablename__ = "rate"
    __table_args__ = (sa.CheckConstraint("minor >= 0", name="not_negative"),)

    id: Mapped[int] = plain(primary_key=True)
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id", ondelete="CASCADE"), index=True)
    minor: Mapped[int] = plain()
    weekdays: Mapped[str] = plain(sa.String(7), default="0123456")  # 0 is Monday
    first: Mapped[date | None] = plain()
    last: Mapped[date | None] = plain()  # the last night, included
    priority: Mapped[int] = plain(default=0)

    offer: Mapped[OfferRow] = relationship(back_populates="rates")


class ChargeRow(Base):
    """A fee or tax on every stay, such as cleaning or a visitor's tax."""

    __tablename__ = "charge"
    __table_args__ = (sa.CheckConstraint("kind IN ('fee', 'tax')", name="known_kind"),)

    id: Mapped[int] = plain(primary_key=True)
    code: Mapped[str] = plain(sa.String(40), unique=True)
    texts: Mapped[dict[str, Any]] = plain()
    kind: Mapped[str] = plain(sa.String(10))
    basis: Mapped[str] = plain(sa.String(20))
    minor: Mapped[int] = plain()
    vat_bp: Mapped[int] = plain(default=0)


class ExtraRow(Base):
    """Something to add to a stay or session; some are posted and need an address."""

    __tablename__ = "extra"

    id: Mapped[int] = plain(primary_key=True)
    code: Mapped[str] = plain(sa.String(40), unique=True)
    position: Mapped[int] = plain(default=0)
    texts: Mapped[dict[str, Any]] = plain()
    basis: Mapped[str] = plain(sa.String(20))
    minor: Mapped[int] = plain()
    vat_bp: Mapped[int] = plain(default=0)
    posted: Mapped[bool] = plain(default=False)
    most: Mapped[int] = plain(default=1)
    offer_kinds: Mapped[str] = plain(sa.String(40), default=STAY)  # "stay", "session" or both


class ClosedRow(Base):
    """Days on which an offer isn't to be had: nobody stays those nights, no session starts."""

    __tablename__ = "closed"
    __table_args__ = (sa.CheckConstraint("until > first", name="has_days"),)

    id: Mapped[int] = plain(primary_key=True)
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id", ondelete="CASCADE"), index=True)
    first: Mapped[date] = plain()
    until: Mapped[date] = plain()  # the first day on which it is open again


class PictureRow(Base):
    """A picture that the house uploaded: made anew from its pixels, so nothing else is in it."""

    __tablename__ = "picture"
    __table_args__ = (sa.UniqueConstraint("digest", "width"),)

    id: Mapped[int] = plain(primary_key=True)
    digest: Mapped[str] = plain(sa.String(64))  # of the largest; the same for all its sizes
    width: Mapped[int] = plain()
    height: Mapped[int] = plain()
    body: Mapped[bytes] = plain(sa.LargeBinary)  # WebP
    made_at: Mapped[datetime] = plain()
