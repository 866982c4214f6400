"""Writing into the ledger: one line for each movement of money at the provider.

Each line moves an amount from one account to another (`models.POSTINGS`), so what the
provider has of ours is always what guests paid in, less what their banks took back.
"""

from datetime import datetime

import sqlalchemy as sa

from app.core.database import db
from app.core.money import Money
from app.payments.models import (
    CAPTURE,
    CHARGEBACK,
    CHARGEBACK_REVERSAL,
    POSTINGS,
    PROVIDER,
    REFUND,
    REFUND_REVERSAL,
    Dispute,
    LedgerEntry,
    Payment,
    Refund,
)


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
    _enter(payment, f"refund:{refund.id}", REFUND, money.minor, money, now)


def enter_reversal(payment: Payment, refund: Refund, *, now: datetime) -> None:
    """Write down that a refund which had left came back."""
    money = Money(refund.amount_minor, payment.currency)
    _enter(payment, f"refund_reversal:{refund.id}", REFUND_REVERSAL, money.minor, money, now)


def enter_dispute(payment: Payment, dispute: Dispute, withdrawn: int, *, now: datetime) -> None:
    """Write down what a dispute has taken or given back since it was last looked at.

    `withdrawn` is what is gone by it now, in minor units; the row has what was before.
    """
    moved = withdrawn - dispute.withdrawn_minor
    if not moved:
        return
    kind = CHARGEBACK if moved > 0 else CHARGEBACK_REVERSAL
    # A dispute may be withdrawn and reinstated more than once: each turn is a line.
    turn = db.session.scalar(
        sa.select(sa.func.count()).where(
            LedgerEntry.payment_id == payment.id,
            LedgerEntry.source.startswith(f"dispute:{dispute.id}:", autoescape=True),
        )
    )
    money = Money(abs(moved), payment.currency)
    _enter(payment, f"dispute:{dispute.id}:{turn}", kind, money.minor, money, now)


SIGNED = sa.case(
    (LedgerEntry.debit == PROVIDER, LedgerEntry.amount_minor), else_=-LedgerEntry.amount_minor
)
"""A line's effect on what the provider has of ours."""


def balance(payment: Payment) -> int:
    """Return what is here of a payment in its own currency, in minor units."""
    query = sa.select(sa.func.coalesce(sa.func.sum(SIGNED), 0)).where(
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
                debit=POSTINGS[kind][0],
                credit=POSTINGS[kind][1],
                amount_minor=minor,
                currency=money.currency,
                at=now,
            )
        )
        db.session.flush()
