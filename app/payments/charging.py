"""Charging a kept card for a balance: without the guest there, announced three days before.

A row is committed before the call, and its id is the call's key. A call that wasn't
answered is repeated under the same key while that is good; after it, we only look. While
such a row is open nothing else can be paid, so one due amount is charged once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from app.booking.models import Reservation
from app.booking.reservations import get_for_update
from app.core.database import db, in_one_go
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.payments.apply import apply
from app.payments.attempts import lock_open_attempt, lock_payment
from app.payments.balances import MOST_TRIES, balance_failed
from app.payments.due import outstanding, owing
from app.payments.models import BALANCE, KEPT, Payment, SavedMeans
from app.payments.notices import hear, retry_unresolved
from app.payments.pay import intent_of
from app.payments.provider import (
    Declined,
    Intent,
    NeedsCustomer,
    NotSent,
    PaymentProvider,
    ProviderError,
    Rejected,
    Saved,
    Unknown,
)
from app.payments.providers import provider_named
from app.payments.refunds import KEY_LIFE
from app.payments.saved import end, good_means, opened
from app.payments.states import CREATED, FAILED

log = logging.getLogger(__name__)

# Between two tries. A card that was declined may be good again a day later.
AGAIN = timedelta(days=1)
# What happened at a provider is told by then, whatever became of its answer.
SURELY_TOLD = timedelta(minutes=10)
# Between two calls under one key, in minutes: 2, 4, 8 … and never more than that.
_LONGEST_WAIT = 60


@dataclass(frozen=True, slots=True)
class _Charge:
    """A call that is to be made."""

    provider: PaymentProvider
    intent: Intent
    saved: Saved


@dataclass(frozen=True, slots=True)
class _Look:
    """A call that may not be made again: the provider is asked what has happened."""

    provider: PaymentProvider
    payment_id: str
    since: datetime


@every_minute
def charge_due(now: datetime) -> None:
    """Charge the kept cards whose balance is due, and go on with unanswered calls. Commits."""
    open_charges = sa.select(Payment.id).where(
        Payment.way == KEPT, Payment.state == CREATED, Payment.provider_ref.is_(None)
    )
    first = sa.and_(SavedMeans.tries == 0, Reservation.balance_due_at <= now)
    second = sa.and_(SavedMeans.tries < MOST_TRIES, SavedMeans.tried_at <= now - AGAIN)
    due = (
        sa.select(Reservation.id)
        .join(SavedMeans, SavedMeans.reservation_id == Reservation.id)
        .where(
            SavedMeans.ended_at.is_(None),
            SavedMeans.noticed_at.is_not(None),
            sa.or_(first, second),
            *owing(),
        )
    )
    payment_ids, reservation_ids = (
        list(db.session.scalars(query)) for query in (open_charges, due)
    )
    db.session.rollback()
    for payment_id in payment_ids:
        _try(_go_on, payment_id, now=now)
    for reservation_id in reservation_ids:
        _try(_charge, reservation_id, now=now)


def _try(step: Callable[..., None], row_id: Any, *, now: datetime) -> None:
    """Do one step; one that fails doesn't keep the others waiting."""
    try:
        step(row_id, now=now)
    except (ProviderError, sa.exc.SQLAlchemyError) as error:
        db.session.rollback()
        name = type(error).__name__
        log.error("a kept card couldn't be charged: row=%s error=%s", row_id, name)  # noqa: TRY400


def _charge(reservation_id: int, *, now: datetime) -> None:
    charge = in_one_go(partial(_order, reservation_id, now=now))
    if charge is not None:
        _call(charge, now=now)


def _order(reservation_id: int, *, now: datetime) -> _Charge | None:
    """Write down what is to be charged, before anything is called; None if nothing is."""
    reservation = get_for_update(reservation_id)
    means, minor = good_means(reservation_id), outstanding(reservation)
    if means is None or not minor or means.tries >= MOST_TRIES:
        return None
    if means.tried_at is not None and now < means.tried_at + AGAIN:
        return None
    if lock_open_attempt(reservation_id) is not None:
        return None  # the guest is about to pay it, or the money is on its way
    provider = provider_named(means.provider)
    try:
        saved = opened(means)
    except PersonUnknown:
        end(reservation_id, now=now)
        return None
    if provider is None:
        return None
    payment = Payment(
        id=str(uuid4()),
        reservation_id=reservation_id,
        person_id=reservation.person_id,
        provider=provider.name,
        part=BALANCE,
        way=KEPT,
        state=CREATED,
        amount_minor=minor,
        currency=reservation.currency,
        expires_at=now + KEY_LIFE,
        created_at=now,
        changed_at=now,
    )
    db.session.add(payment)
    means.tries += 1
    means.tried_at = now
    db.session.flush()
    return _Charge(provider, intent_of(payment, reservation, now=now), saved)


def _call(charge: _Charge, *, now: datetime) -> None:
    """Charge, and write down what became of it. No transaction is open meanwhile. Commits."""
    payment_id = charge.intent.payment_id
    try:
        snapshot = charge.provider.charge_saved(
            charge.intent, charge.saved, key=f"charge:{payment_id}"
        )
    except NotSent:
        return  # nothing happened there: the same call goes out again in a minute
    except Unknown:
        in_one_go(partial(_unanswered, payment_id, now=now))
    except (Declined, Rejected) as error:
        # A bank that wants to see the guest will want to tomorrow as well, and a call
        # that isn't understood won't be.
        again = isinstance(error, Declined) and not isinstance(error, NeedsCustomer)
        in_one_go(partial(_failed, payment_id, again=again, now=now))
    else:
        in_one_go(partial(apply, snapshot, provider=charge.provider, now=now))


def _unanswered(payment_id: str, *, now: datetime) -> None:
    payment = lock_payment(payment_id)
    if payment is not None and payment.state == CREATED:
        payment.unknown, payment.changed_at = True, now
        payment.unanswered += 1


def _failed(payment_id: str, *, again: bool, now: datetime) -> None:
    payment = lock_payment(payment_id)
    if payment is not None and payment.state == CREATED:
        payment.state, payment.unknown, payment.changed_at = FAILED, False, now
        balance_failed(payment, again=again, now=now)


# -- Calls that weren't answered ----------------------------------------------------------


def _go_on(payment_id: str, *, now: datetime) -> None:
    step = in_one_go(partial(_next_step, payment_id, now=now))
    if isinstance(step, _Charge):
        _call(step, now=now)
    elif isinstance(step, _Look):
        for notice in step.provider.changes(step.since):
            hear(step.provider, notice, now=now)
        retry_unresolved(step.provider, now=now)
        # It would be known by now if it had happened. Should it turn up all the same, it
        # counts, or goes back.
        in_one_go(partial(_never_happened, payment_id, now=now))


def _next_step(payment_id: str, *, now: datetime) -> _Charge | _Look | None:
    """Say how to go on with a charge of which we don't know whether it happened."""
    payment = lock_payment(payment_id)
    if payment is None or payment.state != CREATED or payment.provider_ref is not None:
        return None
    provider, reservation = provider_named(payment.provider), payment.reservation
    if provider is None:
        return None
    wait = timedelta(minutes=min(2**payment.unanswered, _LONGEST_WAIT))
    if payment.unknown and now < payment.changed_at + wait:
        return None
    means, age = good_means(reservation.id), now - payment.created_at
    if means is not None and outstanding(reservation) == payment.amount_minor and age <= KEY_LIFE:
        try:
            return _Charge(provider, intent_of(payment, reservation, now=now), opened(means))
        except PersonUnknown:
            end(reservation.id, now=now)
    # It was cancelled, or the guest took the wish back, or the key is good no more: nothing
    # may be charged by it now.
    if age < SURELY_TOLD:
        return None
    return _Look(provider, payment.id, payment.created_at - timedelta(minutes=1))


def _never_happened(payment_id: str, *, now: datetime) -> None:
    payment = lock_payment(payment_id)
    if payment is not None and payment.provider_ref is None:
        _failed(payment_id, again=True, now=now)
