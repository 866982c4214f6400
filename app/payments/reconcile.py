"""Looking at everything that is open, so that nothing hangs on a notice that never came."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from app.booking.holds import HOLD_MOST
from app.booking.models import CONFIRMED, HELD, Reservation
from app.booking.reservations import HoldPassed, extend_hold
from app.core.database import db, in_one_go
from app.core.outbox import handles
from app.core.worker import every_minute
from app.payments.apply import close, look
from app.payments.attempts import lock_payment
from app.payments.models import BALANCE, KEPT, Payment, Refund
from app.payments.notices import hear, retry_unresolved
from app.payments.provider import (
    NotSent,
    PaymentProvider,
    ProviderError,
    Unknown,
)
from app.payments.providers import provider_named, providers
from app.payments.refunds import send_refund
from app.payments.states import CREATED, EXPIRED, OPEN, PENDING, REQUESTED

log = logging.getLogger(__name__)

# A page is closed a little before its places are let go of.
LEAD = timedelta(minutes=1)
# A provider that can't be asked whether somebody has paid buys the places some time.
GRACE = timedelta(minutes=5)
# How far back we ask a provider for what it told us.
BACK = timedelta(days=2)
# Minutes between two reconciliations.
EVERY = 10

Step = tuple[Callable[..., None], str]


@dataclass(slots=True)
class Report:
    """What a reconciliation found. Counts."""

    attempts: int = 0
    moved: int = 0
    refunds: int = 0
    notices: int = 0  # that had never arrived
    unreachable: int = 0
    failed: int = 0


def reconcile(
    *, now: datetime, each: Callable[[list[Step]], Iterable[Step]] = lambda steps: steps
) -> Report:
    """Look at every open attempt and refund, and at what was never told to us. Commits.

    `each` may wrap the lists that are gone through, to show how far it is. One that
    fails doesn't keep the others waiting.
    """
    report = Report()
    steps: list[Step] = [
        *((_attempt, payment_id) for payment_id in _ids(Payment.id, Payment.state.in_(OPEN))),
        *((_refund, refund_id) for refund_id in _ids(Refund.id, Refund.state.in_(_WAITING))),
    ]
    for step, row_id in each(steps):
        _try(step, row_id, report, now=now)
    for provider in providers():
        _try(_missed, provider, report, now=now)
    return report


@every_minute
def periodic(now: datetime) -> None:
    """Close the pages of attempts whose time is over; now and then, reconcile. Commits."""
    if now.minute % EVERY == 0:
        reconcile(now=now)
    soon = now + LEAD
    query = (
        sa.select(Payment.id)
        .join(Reservation, Reservation.id == Payment.reservation_id)
        .where(
            Payment.state.in_((CREATED, PENDING)),
            sa.or_(
                Payment.expires_at <= now,
                sa.and_(Payment.part == BALANCE, Reservation.status != CONFIRMED),
                sa.and_(
                    Payment.part != BALANCE,
                    sa.or_(Reservation.status != HELD, Reservation.held_until <= soon),
                ),
            ),
        )
    )
    abandoned = list(db.session.scalars(query))
    db.session.rollback()
    for payment_id in abandoned:
        try:
            close_attempt(payment_id, now=now)
        except ProviderError as error:
            db.session.rollback()
            name = type(error).__name__
            log.warning("a page couldn't be closed: payment=%s error=%s", payment_id, name)


@handles("payments.close")
def _close(payload: dict[str, Any], now: datetime) -> None:
    close_attempt(payload["payment_id"], now=now)


def close_attempt(payment_id: str, *, now: datetime) -> None:
    """Make sure that an open attempt can't be paid any more; what was paid before counts.

    Commits. Raises NotSent, Unknown; while a provider doesn't answer, places
    that are held still are held a little longer.
    """
    page = in_one_go(partial(_page_of, payment_id, now=now))
    if page is None:
        return
    provider, ref = page
    try:
        close(provider, payment_id, ref, now=now)
    except (NotSent, Unknown):
        in_one_go(partial(_hold_a_little_longer, payment_id, now=now))
        raise


def _page_of(payment_id: str, *, now: datetime) -> tuple[PaymentProvider, str] | None:
    """Return the page of an open attempt; one that never had a page ends here."""
    payment = lock_payment(payment_id)
    if payment is None or payment.state not in (CREATED, PENDING):
        return None
    if payment.way == KEPT and payment.provider_ref is None:
        return None  # it has no page, and may have been charged: `charging` finds out
    provider = provider_named(payment.provider)
    if payment.provider_ref is not None and provider is not None:
        return provider, payment.provider_ref
    # Nobody was ever given an address to pay it on.
    wanted = CONFIRMED if payment.part == BALANCE else HELD
    if payment.expires_at <= now or payment.reservation.status != wanted:
        payment.state, payment.changed_at = EXPIRED, now
    return None


def _hold_a_little_longer(payment_id: str, *, now: datetime) -> None:
    payment = lock_payment(payment_id)
    if payment is not None:
        reservation = payment.reservation
        until = min(now + GRACE, reservation.held_since + HOLD_MOST)
        try:
            extend_hold(reservation, until=until, now=now)
        except HoldPassed:
            log.info("the hold had passed: payment=%s", payment_id)


# -- One at a time ------------------------------------------------------------------------

_WAITING = (REQUESTED, PENDING)


def _ids(column: Any, condition: sa.ColumnElement[bool]) -> list[str]:
    found = list(db.session.scalars(sa.select(column).where(condition).order_by(column)))
    db.session.rollback()
    return found


def _try(step: Callable[..., None], what: Any, report: Report, *, now: datetime) -> None:
    try:
        step(what, report, now=now)
    except (NotSent, Unknown):
        db.session.rollback()
        report.unreachable += 1
    except Exception as error:  # noqa: BLE001 (the next one may be fine)
        db.session.rollback()
        report.failed += 1
        _log_failure(error)


def _log_failure(error: Exception) -> None:
    log.error("reconciliation: error=%s", type(error).__name__)  # its message may quote a person


def _attempt(payment_id: str, report: Report, *, now: datetime) -> None:
    payment = db.session.get(Payment, payment_id, populate_existing=True)
    if payment is None or payment.state not in OPEN:
        db.session.rollback()
        return
    report.attempts += 1
    was, ref, provider = payment.state, payment.provider_ref, provider_named(payment.provider)
    if ref is None or provider is None:
        close_attempt(payment_id, now=now)
    else:
        look(provider, ref, now=now)
    after = db.session.scalar(sa.select(Payment.state).where(Payment.id == payment_id))
    db.session.rollback()
    report.moved += after != was


def _refund(refund_id: str, report: Report, *, now: datetime) -> None:
    refund = db.session.get(Refund, refund_id, populate_existing=True)
    if refund is None:
        db.session.rollback()
        return
    report.refunds += 1
    payment = refund.payment
    provider, ref, state = provider_named(payment.provider), payment.provider_ref, refund.state
    db.session.rollback()
    if state == REQUESTED:
        send_refund(refund_id, now=now)
    elif state == PENDING and provider is not None and ref is not None:
        look(provider, ref, now=now)


def _missed(provider: PaymentProvider, report: Report, *, now: datetime) -> None:
    for notice in provider.changes(now - BACK):
        report.notices += hear(provider, notice, now=now)
    retry_unresolved(provider, now=now)
