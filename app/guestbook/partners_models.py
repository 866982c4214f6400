"""Partners: whom the house works with, what each may get from those who allow it, and what went."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.booking.models import Reservation
from app.core.database import Base, plain, whose

MAIL, PAPER = "mail", "paper"


class Partner(Base):
    """Somebody whom the house works with. What it is called and gets is in its terms."""

    __tablename__ = "partner"

    id: Mapped[int] = plain(primary_key=True)
    made_at: Mapped[datetime] = plain()
    archived_at: Mapped[datetime | None] = plain()


class PartnerTerms(Base):
    """Who a partner is, what it may get, why and how. Never changed: a change is a new row.

    A permission names one such row, so that it says for ever what was agreed to, and
    counts for nothing else.
    """

    __tablename__ = "partner_terms"
    __table_args__ = (
        sa.CheckConstraint("way IN ('mail', 'paper')", name="known_way"),
        sa.Index(
            "uq_partner_terms_live",
            "partner_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    partner_id: Mapped[int] = plain(sa.ForeignKey("partner.id"), index=True)
    # A business, and how it is reached as such: it is told to everybody whom it concerns.
    name: Mapped[str] = plain(sa.String(100))
    contact: Mapped[str] = plain(sa.String(200))
    email: Mapped[str] = plain(sa.String(254))
    country: Mapped[str] = plain(sa.String(2))
    language: Mapped[str] = plain(sa.String(5))  # in which it is written to
    texts: Mapped[dict[str, Any]] = plain()  # {language: {"why": …}}
    kinds: Mapped[list[Any]] = plain()  # codes of partners.KINDS
    way: Mapped[str] = plain(sa.String(5))
    days_before: Mapped[int] = plain()
    keeps_days: Mapped[int] = plain()  # after the stay, as the partner says
    since: Mapped[datetime] = plain()
    ended_at: Mapped[datetime | None] = plain()


class PartnerTransfer(Base):
    """Something of a person goes, or went, to a partner whom they allowed to get it."""

    __tablename__ = "partner_transfer"
    __person__ = "person_id"
    __table_args__ = (sa.UniqueConstraint("reservation_id", "terms_id"),)

    id: Mapped[int] = plain(primary_key=True)
    terms_id: Mapped[int] = plain(sa.ForeignKey("partner_terms.id"), index=True)
    reservation_id: Mapped[int] = plain(sa.ForeignKey("reservation.id", ondelete="CASCADE"))
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    recipient: Mapped[str] = plain(sa.String(40))
    kinds: Mapped[list[Any]] = plain()
    way: Mapped[str] = plain(sa.String(5))
    sent_at: Mapped[datetime | None] = plain()  # None: it waits for its turn

    reservation: Mapped[Reservation] = relationship()
    terms: Mapped[PartnerTerms] = relationship()
