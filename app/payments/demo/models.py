"""The demo bank's own books. The shop never reads them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from app.core.database import Base, plain

OPEN = "open"  # on the bank's page
# What a kept card will do when it is charged.
PAY, DECLINE, ASK = "pay", "decline", "ask"
DISPUTED = "open"  # of a dispute: questioned, and not decided


class BankPayment(Base):
    """What the bank knows of one payment."""

    __tablename__ = "demo_bank_payment"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('open', 'processing', 'paid', 'failed', 'cancelled', 'expired')",
            name="known_state",
        ),
    )

    ref: Mapped[str] = plain(sa.String(40), primary_key=True)
    call_key: Mapped[str] = plain(sa.String(255), unique=True)  # the same key, the same page
    shop_payment_id: Mapped[str] = plain(sa.String(36))
    amount_minor: Mapped[int] = plain(sa.BigInteger)
    currency: Mapped[str] = plain(sa.String(3))
    label: Mapped[str] = plain(sa.String(200))
    return_url: Mapped[str] = plain(sa.Text)
    cancel_url: Mapped[str] = plain(sa.Text)
    state: Mapped[str] = plain(sa.String(12), default=OPEN)
    method_hint: Mapped[str | None] = plain(sa.String(40))  # of a card that nobody has
    expires_at: Mapped[datetime] = plain()
    save: Mapped[bool] = plain(default=False, server_default=sa.false())  # keep the card
    dispute: Mapped[str | None] = plain(sa.String(8))  # open, won or lost
    disputed_minor: Mapped[int | None] = plain(sa.BigInteger)
    disputed_at: Mapped[datetime | None] = plain()


class BankMeans(Base):
    """A card that the bank keeps, at the wish of whoever paid with it."""

    __tablename__ = "demo_bank_means"
    __table_args__ = (
        sa.CheckConstraint("later IN ('pay', 'decline', 'ask')", name="known_outcome"),
    )

    customer: Mapped[str] = plain(sa.String(40), primary_key=True)
    method: Mapped[str] = plain(sa.String(40))
    payment_ref: Mapped[str] = plain(sa.ForeignKey("demo_bank_payment.ref"), unique=True)
    later: Mapped[str] = plain(sa.String(8))


class BankRefund(Base):
    """Money that the bank sent back."""

    __tablename__ = "demo_bank_refund"
    __table_args__ = (
        sa.CheckConstraint("state IN ('pending', 'succeeded', 'failed')", name="known_state"),
    )

    ref: Mapped[str] = plain(sa.String(40), primary_key=True)
    call_key: Mapped[str] = plain(sa.String(255), unique=True)
    payment_ref: Mapped[str] = plain(sa.ForeignKey("demo_bank_payment.ref"), index=True)
    shop_refund_id: Mapped[str | None] = plain(sa.String(36))
    amount_minor: Mapped[int] = plain(sa.BigInteger)
    state: Mapped[str] = plain(sa.String(12))


class BankEvent(Base):
    """Something that happened to a payment: what a notice is about."""

    __tablename__ = "demo_bank_event"

    id: Mapped[str] = plain(sa.String(40), primary_key=True)
    ref: Mapped[str] = plain(sa.ForeignKey("demo_bank_payment.ref"), index=True)
    at: Mapped[datetime] = plain(index=True)
