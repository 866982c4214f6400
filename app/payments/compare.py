"""Asking the providers what they have of us, and naming where they say something else.

It calls out, so it is for the command, for a job and for one payment at a time; no page
that is merely opened does it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.booking.models import Reservation
from app.core.database import db
from app.core.outbox import handles
from app.payments.apply import look
from app.payments.audit import Mismatch
from app.payments.models import Payment
from app.payments.provider import ProviderError, Rejected, Snapshot
from app.payments.providers import provider_named
from app.payments.reconcile import reconcile
from app.payments.states import OPEN, PAID, REVIEW, SUCCEEDED, may_move

# Disputes and refunds that come back may take months; what is older than that is settled.
RECENT = timedelta(days=180)

Items = list[str]


def compare(
    *, now: datetime, each: Callable[[Items], Iterable[str]] = lambda items: items
) -> list[Mismatch]:
    """Ask of every open or recent attempt what is true, and return what differs. Reads only.

    No transaction is open during a call. `each` may wrap the list, to show how far it is.
    """
    query = (
        sa.select(Payment.id)
        .where(
            Payment.provider_ref.is_not(None),
            sa.or_(Payment.state.in_(OPEN), Payment.changed_at >= now - RECENT),
        )
        .order_by(Payment.created_at, Payment.id)
    )
    ids = list(db.session.scalars(query))
    db.session.rollback()
    return [found for payment_id in each(ids) if (found := compare_one(payment_id)) is not None]


def compare_one(payment_id: str) -> Mismatch | None:
    """Ask of one attempt what is true; return a mismatch, or None where both say the same."""
    payment = db.session.get(Payment, payment_id, populate_existing=True)
    if payment is None or payment.provider_ref is None:
        db.session.rollback()
        return None
    provider, ref, currency = (
        provider_named(payment.provider),
        payment.provider_ref,
        payment.currency,
    )
    reference = _reference(payment)
    db.session.rollback()
    about: dict[str, Any] = {
        "reference": reference,
        "payment_id": payment_id,
        "currency": currency,
    }
    if provider is None:
        return Mismatch("provider_silent", **about)
    try:
        snapshot = provider.fetch(ref)
    except Rejected:
        return Mismatch("provider_unknown", **about)
    except ProviderError:
        return Mismatch("provider_silent", **about)
    payment = db.session.get_one(Payment, payment_id, populate_existing=True)
    different = _different(payment, snapshot)
    db.session.rollback()
    if different is None:
        return None
    what, ours, theirs = different
    return Mismatch("provider_differs", found=theirs, expected=ours, detail=what, **about)


def _reference(payment: Payment) -> str:
    query = sa.select(Reservation.reference).where(Reservation.id == payment.reservation_id)
    return str(db.session.scalar(query))


def _different(payment: Payment, there: Snapshot) -> tuple[str, int | None, int | None] | None:
    """Return what differs, ours and theirs in minor units; None if nothing does."""
    if payment.state == REVIEW:
        return None  # a person looks at it already
    if there.captured.minor != payment.captured_minor:
        return "captured", payment.captured_minor, there.captured.minor
    if there.state != payment.state and (
        may_move(payment.state, there.state) or PAID in (payment.state, there.state)
    ):
        return f"{payment.state}, {there.state}", None, None
    ours = sum(refund.amount_minor for refund in payment.refunds if refund.state == SUCCEEDED)
    theirs = sum(view.money.minor for view in there.refunds if view.state == SUCCEEDED)
    if ours != theirs:
        return "refunded", ours, theirs
    ours = sum(dispute.withdrawn_minor for dispute in payment.disputes)
    theirs = sum(view.withdrawn.minor for view in there.disputes)
    if ours != theirs or len(payment.disputes) != len(there.disputes):
        return "disputed", ours, theirs
    return None


def look_again(payment_id: str, *, now: datetime) -> Mismatch | None:
    """Bring one attempt to what is true at its provider; return what still differs. Commits.

    Raises NotSent, Unknown, Rejected, EnvironmentMismatch.
    """
    payment = db.session.get(Payment, payment_id)
    if payment is None or payment.provider_ref is None:
        return None
    provider, ref = provider_named(payment.provider), payment.provider_ref
    if provider is not None:
        look(provider, ref, now=now)
    return compare_one(payment_id)


@handles("payments.reconcile")
def _everything(payload: dict[str, Any], now: datetime) -> None:
    """Do what is done every few minutes, and look anew at whatever a provider says otherwise."""
    reconcile(now=now)
    for mismatch in compare(now=now):
        if mismatch.code == "provider_differs" and mismatch.payment_id is not None:
            try:
                look_again(mismatch.payment_id, now=now)
            except ProviderError:
                db.session.rollback()
