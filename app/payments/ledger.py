"""Writing into the ledger: one line for each movement of money at the provider."""

from datetime import datetime

import sqlalchemy as sa

from app.core.database import db
from app.core.money import Money
from app.payments.models import CAPTURE, REFUND, REFUND_REVERSAL, LedgerEntry, Payment, Refund


def enter_capture(payment: Payment, ref: str, captured: Money, *, now: datetime) -> None:
    """Write down what the provider took so far, under a lock on the payment.

    Money is counted as the payment's own only in its currency and by its reference;
    other money is in the ledger all the same, for whoever reviews it.
    """
    own = captured.currency == payment.currency and payment.provider_ref in (None, ref)
    new = captured.minor - (payment.captured_minor if own else 0)
    if new <= 0:
        return
    _enter(payment, f"capture:{payment.id}:{ref}:{captured.minor}", CAPTURE, new, captured, now)
    if own:
        payment.captured_minor = captured.minor


def enter_refund(payment: Payment, refund: Refund, *, now: datetime) -> None:
    """Write down that a refund left."""
    money = Money(refund.amount_minor, payment.currency)
    _enter(payment, f"refund:{refund.id}", REFUND, -money.minor, money, now)


def enter_reversal(payment: Payment, refund: Refund, *, now: datetime) -> None:
    """Write down that a refund which had left came back."""
    money = Money(refund.amount_minor, payment.currency)
    _enter(payment, f"refund_reversal:{refund.id}", REFUND_REVERSAL, money.minor, money, now)


def balance(payment: Payment) -> int:
    """Return what is here of a payment in its own currency, in minor units."""
    query = sa.select(sa.func.coalesce(sa.func.sum(LedgerEntry.amount_minor), 0)).where(
        LedgerEntry.payment_id == payment.id, LedgerEntry.currency == payment.currency
    )
    return int(db.session.scalar(query) or 0)


def _enter(
    payment: Payment, source: str, kind: str, minor: int, money: Money, now: datetime
) -> None:
    known = sa.select(LedgerEntry.id).where(LedgerEntry.source == source)
    if db.session.scalar(known) is None:
        db.session.add(
            LedgerEntry(
                source=source,
                payment_id=payment.id,
                kind=kind,
                amount_minor=minor,
                currency=money.currency,
                at=now,
            )
        )
        db.session.flush()
