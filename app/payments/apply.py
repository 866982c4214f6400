"""Writing down what a provider says: the only writer of an attempt's state.

Whatever tells us that something changed, a notice, a guest who comes back or the
reconciliation, ends here with a snapshot of what is true now. It may come twice, late
and out of order; the same snapshots in any order lead to the same state.
"""

import logging
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from app.booking.holds import HOLD_TIME
from app.booking.models import ASKED, CANCELLED, CONFIRMED, HELD, Reservation
from app.booking.reservations import (
    HoldPassed,
    PlacesGone,
    ReservationCancelled,
    confirm,
    empty_basket,
    extend_hold,
)
from app.core.database import db, in_one_go
from app.core.outbox import enqueue
from app.core.vault import PersonUnknown
from app.payments import plan
from app.payments.attempts import id_by_ref, lock_payment
from app.payments.balances import balance_failed, balance_paid, told_at_booking
from app.payments.disputes import record_dispute
from app.payments.due import outstanding
from app.payments.ledger import enter_capture
from app.payments.models import BALANCE, DEPOSIT, KEPT, Payment
from app.payments.provider import PaymentProvider, ProviderError, Rejected, Snapshot
from app.payments.refunds import record_refund, refund_all
from app.payments.saved import keep
from app.payments.states import (
    CREATED,
    EXPIRED,
    FAILED,
    OPEN,
    PAID,
    PENDING,
    PROCESSING,
    REVIEW,
    may_move,
)

log = logging.getLogger(__name__)


class EnvironmentMismatch(ProviderError):
    """Test money on a live site, or real money on a test site."""


def look(provider: PaymentProvider, ref: str, *, now: datetime) -> Payment | None:
    """Fetch what is true of a payment and apply it; None for one that isn't ours. Commits.

    Whatever the caller hadn't committed is let go: no transaction is open during the call.
    Raises Rejected, NotSent, Unknown, EnvironmentMismatch.
    """
    db.session.rollback()
    snapshot = provider.fetch(ref)
    return in_one_go(partial(apply, snapshot, provider=provider, now=now))


def close(provider: PaymentProvider, payment_id: str, ref: str, *, now: datetime) -> None:
    """Close a page at its provider, and apply what is true then: it may have been paid just before.

    Commits. No transaction may be open. Raises NotSent, Unknown, EnvironmentMismatch.
    """
    try:
        snapshot = provider.close(ref, key=f"close:{payment_id}")
    except Rejected:
        in_one_go(partial(_give_up, payment_id, now=now))
        return
    in_one_go(partial(apply, snapshot, provider=provider, now=now))


def _give_up(payment_id: str, *, now: datetime) -> None:
    """End an attempt whose page its provider doesn't know: nobody can pay there."""
    log.error("a page that its provider doesn't know: payment=%s", payment_id)
    payment = lock_payment(payment_id)
    if payment is not None and payment.state in (CREATED, PENDING):
        payment.state, payment.changed_at, payment.redirect_url = EXPIRED, now, None


def apply(snapshot: Snapshot, *, provider: PaymentProvider, now: datetime) -> Payment | None:
    """Bring an attempt forward to what is true at its provider; the caller commits.

    Locks the reservation and the attempt. None where the snapshot is of no attempt of
    ours. Raises EnvironmentMismatch, with nothing changed.
    """
    if snapshot.live != provider.caps.live:
        log.critical("a payment of the other kind of money: provider=%s", provider.name)
        raise EnvironmentMismatch
    payment = _find(snapshot, provider)
    if payment is None:
        return None
    reservation = payment.reservation
    doubt = _doubt(payment, reservation, snapshot)
    enter_capture(payment, snapshot.ref, snapshot.captured, now=now)
    if doubt:
        _review(payment, snapshot, doubt, now=now)
    else:
        payment.provider_ref = snapshot.ref
        payment.unknown = False
        _keep_hint(payment, snapshot)
        if may_move(payment.state, snapshot.state):
            _move(payment, reservation, snapshot, provider, now=now)
    for view in snapshot.refunds:
        record_refund(payment, view, now=now)
    for dispute in snapshot.disputes:
        record_dispute(payment, dispute, now=now)
    db.session.flush()
    return payment


def _find(snapshot: Snapshot, provider: PaymentProvider) -> Payment | None:
    """By the provider's reference, or by our id in it: it may be told before we know the first."""
    payment_id = id_by_ref(provider.name, snapshot.ref)
    if payment_id is None and snapshot.payment_id is not None:
        ours = Payment.id == snapshot.payment_id, Payment.provider == provider.name
        payment_id = db.session.scalar(sa.select(Payment.id).where(*ours))
    return lock_payment(payment_id) if payment_id else None


# -- What doesn't add up ------------------------------------------------------------------


def _doubt(payment: Payment, reservation: Reservation, snapshot: Snapshot) -> str | None:
    """Return a word for what doesn't match what we asked for, or None."""
    captured = snapshot.captured
    if snapshot.payment_id not in (None, payment.id):
        return "payment_id"
    if payment.provider_ref not in (None, snapshot.ref):
        return "reference"
    if {snapshot.asked.currency, captured.currency} != {payment.currency}:
        return "currency"
    if snapshot.asked.minor != payment.amount_minor:
        return "amount"
    if (captured or snapshot.state == PAID) and captured.minor != payment.amount_minor:
        return "amount"
    firm = reservation.status in (CONFIRMED, CANCELLED)
    if captured and not firm and not _fits(payment, reservation):
        return "total"
    return None


def _fits(payment: Payment, reservation: Reservation) -> bool:
    """Whether a payment would make firm what is reserved now.

    A deposit does even where the guest has chosen anew since, in another window.
    """
    if payment.currency != reservation.currency:
        return False
    if payment.part == DEPOSIT:
        return payment.amount_minor < reservation.total_minor
    return payment.amount_minor == reservation.total_minor


def _review(payment: Payment, snapshot: Snapshot, doubt: str, *, now: datetime) -> None:
    """Leave it to a person: nothing is confirmed, and the money can be sent back."""
    if payment.state == REVIEW:
        return
    if doubt == "reference" and not snapshot.captured:
        return  # a page that nobody paid on
    log.error("a payment to be reviewed: payment=%s because=%s", payment.id, doubt)
    if payment.provider_ref is None:
        payment.provider_ref = snapshot.ref
    payment.state = REVIEW
    payment.review = doubt
    keep(payment, snapshot.saved, wanted=False, now=now)
    payment.redirect_url = None
    payment.unknown = False
    payment.changed_at = now


def _keep_hint(payment: Payment, snapshot: Snapshot) -> None:
    """Keep brand and last four digits, sealed; not of somebody who was erased."""
    if snapshot.method_hint and payment.person_id and payment._method_hint is None:
        try:
            payment.method_hint = snapshot.method_hint[:40]
        except PersonUnknown:
            payment.person_id = None


# -- Forward ------------------------------------------------------------------------------


def _move(
    payment: Payment,
    reservation: Reservation,
    snapshot: Snapshot,
    provider: PaymentProvider,
    *,
    now: datetime,
) -> None:
    was = payment.state
    payment.state = snapshot.state
    payment.changed_at = now
    if payment.state not in (CREATED, PENDING):
        payment.redirect_url = None
    if payment.state == PAID:
        payment.paid_at = now
        db.session.flush()
        counts = _paid(payment, reservation, now=now)
        keep(payment, snapshot.saved, wanted=counts, now=now)
    elif payment.state == PROCESSING:
        if payment.part != BALANCE:
            _on_its_way(reservation, provider, now=now)
    elif payment.state == FAILED and (was == PROCESSING or payment.way == KEPT):
        _never_came(payment, reservation, now=now)


def _paid(payment: Payment, reservation: Reservation, *, now: datetime) -> bool:
    """Confirm; or send all of it back, once, where there is nothing left to pay for.

    Returns whether the payment counts.
    """
    if reservation.status == CONFIRMED:
        if payment.part == BALANCE and payment.amount_minor <= outstanding(reservation):
            _count(payment, reservation, now=now)
            balance_paid(reservation, now=now)
            _close_others(payment, now=now)
            return True
        # It was confirmed, or its balance paid, by another payment.
        _send_back(payment, "surplus", now=now)
        return False
    try:
        confirm(reservation, now=now)
    except ReservationCancelled:
        _send_back(payment, "surplus", now=now)
    except PlacesGone:
        _send_back(payment, "late", now=now)
    else:
        plan.settle(reservation, payment.part, payment.amount_minor)
        _count(payment, reservation, now=now)
        told_at_booking(reservation, now=now)
        _close_others(payment, now=now)
        return True
    return False


def _count(payment: Payment, reservation: Reservation, *, now: datetime) -> None:
    """Count a payment for its reservation; an invoice may be due now."""
    reservation.paid_minor += payment.amount_minor
    enqueue("payments.papers", {"reservation_id": reservation.id}, now=now)


def _close_others(payment: Payment, *, now: datetime) -> None:
    """Let no other page of the same reservation be paid on."""
    query = sa.select(Payment.id).where(
        Payment.reservation_id == payment.reservation_id,
        Payment.id != payment.id,
        Payment.state.in_(OPEN),
    )
    for payment_id in db.session.scalars(query).all():
        enqueue("payments.close", {"payment_id": payment_id}, now=now)


def _send_back(payment: Payment, reason: str, *, now: datetime) -> None:
    refund_all(payment, reason=reason, now=now)
    _tell(payment.reservation_id, "payment_late_refunded", now=now)


def _on_its_way(reservation: Reservation, provider: PaymentProvider, *, now: datetime) -> None:
    """Keep the places for as long as the money may take, and tell the guest."""
    until = min(now + provider.caps.processing, reservation.first_start)
    try:
        extend_hold(reservation, until=until, now=now)
    except HoldPassed:
        return  # nothing to promise: if the money comes, the places are taken again or it goes back
    empty_basket(reservation)
    _tell(reservation.id, "payment_processing", now=now)


def _never_came(payment: Payment, reservation: Reservation, *, now: datetime) -> None:
    """Give the guest the usual time for another try: places aren't shut for days for nothing."""
    if payment.part == BALANCE:
        balance_failed(payment, now=now)
        return
    if reservation.status == HELD and reservation.held_until is not None:
        if reservation.kind != ASKED:  # which takes no place, and has an end of its own
            reservation.held_until = min(reservation.held_until, now + HOLD_TIME)
        _tell(reservation.id, "payment_failed", now=now)


def _tell(reservation_id: int, template: str, *, now: datetime) -> None:
    enqueue("mail", {"template": template, "reservation_id": reservation_id}, now=now)
