"""Refunds: asked for in a transaction, sent after it, and followed to their end.

A row is written before any call, and its id is the call's key, so a refund that is sent
twice goes once. What was refunded, is on its way or was asked for never exceeds what was
captured: the sum is taken under a lock on the payment.
"""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from app.booking.models import CONFIRMED, Reservation
from app.booking.signals import reservation_cancelled
from app.core.database import db, in_one_go
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.money import Money
from app.core.outbox import enqueue, handles
from app.payments.attempts import lock_payment
from app.payments.ledger import enter_refund, enter_reversal
from app.payments.models import Dispute, Payment, Refund
from app.payments.provider import Declined, RefundView, Rejected, Snapshot
from app.payments.providers import NoProvider, provider_named
from app.payments.states import (
    CLAIMING,
    FAILED,
    OPEN,
    PENDING,
    REQUESTED,
    SUCCEEDED,
    RefundState,
    refund_may_move,
)
from app.payments.told import note_told

log = logging.getLogger(__name__)

# Providers keep keys for 24 hours. After that the same key might send the money again,
# so we look first.
KEY_LIFE = timedelta(hours=23)


class RefundTooMuch(DomainError):
    """More would go back than is left of what came."""

    message = N_("That is more than is left of this payment to give back.")


def refundable(payment: Payment) -> int:
    """Return what may still be refunded, in minor units; exact under a lock on the payment.

    Nothing while a dispute is open that the provider wouldn't refund beside: the guest's
    bank has the money, or will have.
    """
    if is_blocked(payment):
        return 0
    claimed = db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Refund.amount_minor), 0)).where(
            Refund.payment_id == payment.id,
            # What failed and was made good in another way has left us as well.
            sa.or_(Refund.state.in_(CLAIMING), Refund.made_good_at.is_not(None)),
        )
    )
    return max(0, payment.captured_minor - int(claimed or 0))


def is_blocked(payment: Payment) -> bool:
    """Tell whether a dispute forbids refunds of a payment, or has taken the money for good."""
    query = sa.select(Dispute.id).where(
        Dispute.payment_id == payment.id,
        sa.or_(
            sa.and_(Dispute.state == "open", ~Dispute.refundable),
            Dispute.state == "lost",
        ),
    )
    return db.session.scalar(query.limit(1)) is not None


def request_refund(
    payment: Payment,
    amount_minor: int,
    *,
    reason: str,
    now: datetime,
    cause: str | None = None,
) -> Refund:
    """Ask for a refund of a locked payment; a job sends it after the commit.

    `cause` names what may happen once only; a second refund for it is refused by the
    database. Raises RefundTooMuch.
    """
    if not 0 < amount_minor <= refundable(payment):
        raise RefundTooMuch
    refund = Refund(
        id=str(uuid4()),
        payment_id=payment.id,
        cause=cause,
        reason=reason,
        state=REQUESTED,
        amount_minor=amount_minor,
        created_at=now,
        changed_at=now,
    )
    db.session.add(refund)
    db.session.flush()
    count_surplus(refund)
    enqueue("payments.refund", {"refund_id": refund.id}, now=now)
    return refund


def count_surplus(refund: Refund) -> None:
    """Let what a refund gives back of a surplus count as paid no longer; all rows are locked.

    A reservation that became cheaper was paid beyond its price. Once that has gone back, a
    change that makes it dearer again has to be paid. What goes back of the price itself, out
    of goodwill, isn't asked for again.
    """
    reservation = refund.payment.reservation
    if reservation.status == CONFIRMED:
        beyond = max(0, reservation.paid_minor - reservation.total_minor)
        refund.surplus_minor = min(refund.amount_minor, beyond)
        reservation.paid_minor -= refund.surplus_minor
        db.session.flush()


def _uncount_surplus(refund: Refund) -> None:
    """Let it count again: the money has not gone back."""
    refund.payment.reservation.paid_minor += refund.surplus_minor
    refund.surplus_minor = 0
    db.session.flush()


def refund_all(payment: Payment, *, reason: str, now: datetime) -> None:
    """Ask for all that is left of a locked payment to go back, once for each reason."""
    left = refundable(payment)
    if left:
        request_refund(payment, left, reason=reason, cause=f"{reason}:{payment.id}", now=now)


_OF_RESERVATION = (
    sa.select(Payment)
    .where(Payment.reservation_id == sa.bindparam("reservation"))
    .order_by(Payment.paid_at.desc().nulls_last(), Payment.id)
    .with_for_update()
    .execution_options(populate_existing=True)
)


@reservation_cancelled.connect
def refund_cancelled(reservation: Reservation, *, refund_minor: int, now: datetime) -> None:
    """Ask for what a cancelled reservation gives back, in the transaction that cancels it.

    Of several payments the last one goes back first. Attempts still open are closed.
    """
    left = refund_minor
    for payment in db.session.scalars(_OF_RESERVATION, {"reservation": reservation.id}).all():
        if payment.state in OPEN:
            enqueue("payments.close", {"payment_id": payment.id}, now=now)
        part = min(left, refundable(payment))
        if part > 0:
            cause = f"cancelled:{payment.id}"
            request_refund(payment, part, reason="cancelled", cause=cause, now=now)
            left -= part
    if left > 0:
        # Somebody has sent it back already, at the provider or as a surplus.
        log.warning("less is left than was promised: reservation=%s", reservation.id)


# -- What the provider says ---------------------------------------------------------------


def record_refund(payment: Payment, view: RefundView, *, now: datetime) -> None:
    """Write down how a refund stands at the provider; the payment is locked.

    One that we didn't ask for was made there by hand: it is recorded as external, once.
    """
    if view.money.currency != payment.currency or view.money.minor <= 0:
        log.error("a refund that can't be: payment=%s", payment.id)
        return
    refund = _find(payment, view)
    if refund is None:
        refund = Refund(
            id=str(uuid4()),
            payment_id=payment.id,
            reason="external",
            external=True,
            state=REQUESTED,
            amount_minor=view.money.minor,
            created_at=now,
            changed_at=now,
        )
        db.session.add(refund)
    if refund.amount_minor != view.money.minor:
        # What moved there is what counts. Somebody should ask how this could happen.
        log.error("a refund of another amount: refund=%s", refund.id)
        refund.amount_minor = view.money.minor
    refund.provider_ref = view.ref
    db.session.flush()
    if refund.external and refund.state == REQUESTED:
        _uncount_surplus(refund)
        count_surplus(refund)
    _move(payment, refund, view.state, now=now)


def _find(payment: Payment, view: RefundView) -> Refund | None:
    by_ref = sa.select(Refund).where(
        Refund.payment_id == payment.id, Refund.provider_ref == view.ref
    )
    ours = sa.select(Refund).where(
        Refund.payment_id == payment.id, Refund.id == (view.refund_id or "")
    )
    fresh = {"populate_existing": True}
    found = db.session.scalar(ours, execution_options=fresh)
    return found or db.session.scalar(by_ref, execution_options=fresh)


def _move(payment: Payment, refund: Refund, state: RefundState, *, now: datetime) -> None:
    if not refund_may_move(refund.state, state):
        return
    was = refund.state
    had_left = was == SUCCEEDED
    refund.state = state
    refund.changed_at = now
    db.session.flush()
    if state == SUCCEEDED:
        enter_refund(payment, refund, now=now)
    if state == SUCCEEDED or had_left:
        enqueue("payments.papers", {"reservation_id": payment.reservation_id}, now=now)
    if was == REQUESTED and state in (PENDING, SUCCEEDED) and refund.because is not None:
        _tell_refunded(payment, refund, now=now)
    if state == FAILED:
        _uncount_surplus(refund)
        if had_left:
            enter_reversal(payment, refund, now=now)
        if not refund.external:
            _tell_failed(payment, now=now)


def _tell_refunded(payment: Payment, refund: Refund, *, now: datetime) -> None:
    """Tell the guest of a refund that nobody but the house knows of yet."""
    said = {"minor": refund.amount_minor, "currency": payment.currency, "because": refund.because}
    mail = {"template": "refunded", "reservation_id": payment.reservation_id, "said": said}
    enqueue("mail", mail, now=now)


def _tell_failed(payment: Payment, *, now: datetime) -> None:
    mail = {"template": "refund_failed", "reservation_id": payment.reservation_id}
    enqueue("mail", mail, now=now)


# -- Sending ------------------------------------------------------------------------------


@handles("payments.refund")
def _send(payload: dict[str, Any], now: datetime) -> None:
    send_refund(payload["refund_id"], now=now)


def send_refund(refund_id: str, *, now: datetime) -> None:
    """Send a refund that was asked for, and write down what became of it. Commits.

    Raises NotSent, Unknown: then the row is as it was, and the same key may try again.
    """
    refund = db.session.get(Refund, refund_id, populate_existing=True)
    if refund is None or refund.state != REQUESTED:
        db.session.rollback()
        return
    payment = refund.payment
    provider = provider_named(payment.provider)
    if provider is None:
        raise NoProvider
    payment_id, ref = payment.id, payment.provider_ref or ""
    money = Money(refund.amount_minor, payment.currency)
    refund.called_at = first_called = refund.called_at or now
    note_told(payment, now=now)
    db.session.commit()

    if now - first_called > KEY_LIFE:
        snapshot = provider.fetch(ref)
        in_one_go(partial(_believe, snapshot, payment_id, refund_id, now=now))
        return
    try:
        view = provider.refund(ref, money, refund_id, key=f"refund:{refund_id}")
    except (Declined, Rejected) as error:
        code = error.code if isinstance(error, Declined) else "rejected"
        in_one_go(partial(_refused, payment_id, refund_id, code, now=now))
        return
    in_one_go(partial(_record, payment_id, view, now=now))


def _record(payment_id: str, view: RefundView, *, now: datetime) -> None:
    payment = lock_payment(payment_id)
    if payment is not None:
        record_refund(payment, view, now=now)


def _refused(payment_id: str, refund_id: str, code: str, *, now: datetime) -> None:
    log.error("a refund was refused: refund=%s", refund_id)
    payment = lock_payment(payment_id)
    refund = db.session.get(Refund, refund_id, populate_existing=True)
    if payment is not None and refund is not None:
        refund.failure = code[:60]
        _move(payment, refund, FAILED, now=now)


def _believe(snapshot: Snapshot, payment_id: str, refund_id: str, *, now: datetime) -> None:
    """A day after the first call: believe what is there, and ask anew if nothing is.

    The new request is a new row, with a key of its own.
    """
    payment = lock_payment(payment_id)
    if payment is None:
        return
    for view in snapshot.refunds:
        record_refund(payment, view, now=now)
    refund = db.session.get(Refund, refund_id, populate_existing=True)
    if refund is not None and refund.state == REQUESTED:
        cause, refund.cause = refund.cause, None
        refund.state, refund.failure, refund.changed_at = FAILED, "never_arrived", now
        _uncount_surplus(refund)
        again = request_refund(
            payment, refund.amount_minor, reason=refund.reason, cause=cause, now=now
        )
        # What it is for goes along; the note stays sealed, for the same person and field.
        again.because, again.person_id, again._note = (
            refund.because,
            refund.person_id,
            refund._note,
        )
