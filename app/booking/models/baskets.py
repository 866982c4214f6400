"""The basket: wishes at an unguessable address, with nobody's name on them."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, plain


class Basket(Base):
    """A basket; only the digest of its address is kept."""

    __tablename__ = "basket"

    id: Mapped[int] = plain(primary_key=True)
    key_digest: Mapped[bytes] = plain(unique=True)
    created_at: Mapped[datetime] = plain()
    changed_at: Mapped[datetime] = plain(index=True)

    lines: Mapped[list["BasketLine"]] = relationship(
        back_populates="basket", cascade="all, delete-orphan", order_by="BasketLine.id"
    )


class BasketLine(Base):
    """One wish: nights of a stay, or seats of a session, with its extras."""

    __tablename__ = "basket_line"
    __table_args__ = (
        sa.CheckConstraint(
            "(arrive IS NOT NULL AND depart > arrive AND starts_at IS NULL)"
            " OR (arrive IS NULL AND depart IS NULL AND starts_at IS NOT NULL)",
            name="nights_or_session",
        ),
        sa.CheckConstraint("adults >= 1 AND children >= 0", name="somebody_comes"),
    )

    id: Mapped[int] = plain(primary_key=True)
    basket_id: Mapped[int] = plain(sa.ForeignKey("basket.id", ondelete="CASCADE"), index=True)
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id", ondelete="CASCADE"))
    arrive: Mapped[date | None] = plain()
    depart: Mapped[date | None] = plain()
    starts_at: Mapped[datetime | None] = plain()
    adults: Mapped[int] = plain()
    children: Mapped[int] = plain(default=0)
    extras: Mapped[dict[str, Any]] = plain()  # {extra id as text: count}

    basket: Mapped[Basket] = relationship(back_populates="lines")
