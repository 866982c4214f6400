"""Kept means: what a guest asked their provider to keep for the balance, and its end.

Nothing is kept without the guest's express wish. The provider deletes it as soon as the
balance is paid, the reservation is cancelled, or the guest says so; our row stays until
the provider has confirmed that, and goes then.
"""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from app.booking.models import Reservation
from app.booking.signals import reservation_cancelled
from app.core import withdrawals
from app.core.database import db, in_one_go
from app.core.outbox import enqueue, handles
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.payments.models import KEEP, Payment, SavedMeans
from app.payments.provider import PaymentProvider, ProviderError, Rejected, Saved
from app.payments.providers import NoProvider, provider_named

log = logging.getLogger(__name__)

# The job of a deletion tries for a day and a half. What is left then is tried for ever.
_GIVEN_UP = timedelta(days=2)
# Minutes between two rounds of those.
_EVERY = 30


def keep(payment: Payment, saved: Saved | None, *, wanted: bool, now: datetime) -> None:
    """Write down what a provider keeps since this locked deposit was paid.

    If it isn't wanted any more, because the deposit goes back, it is deleted there at once;
    so it is if the person was erased in the meantime.
    """
    if payment.way != KEEP or saved is None:
        return
    if payment.person_id is None:
        _ask_to_delete(payment.id, now=now)
        return
    means = SavedMeans(
        payment_id=payment.id,
        reservation_id=payment.reservation_id,
        person_id=payment.person_id,
        provider=payment.provider,
        saved_at=now,
        tries=0,
    )
    try:
        means.customer, means.method, means.hint = saved.customer, saved.method, saved.hint[:40]
    except PersonUnknown:
        _ask_to_delete(payment.id, now=now)
        return
    if not wanted or good_means(payment.reservation_id) is not None:
        means.ended_at = now
        _ask_to_delete(payment.id, now=now)
    db.session.add(means)
    db.session.flush()


def good_means(reservation_id: int) -> SavedMeans | None:
    """Return the means that are kept for a reservation's balance and may be used."""
    query = sa.select(SavedMeans).where(
        SavedMeans.reservation_id == reservation_id, SavedMeans.ended_at.is_(None)
    )
    return db.session.scalar(query, execution_options={"populate_existing": True})


def end(reservation_id: int, *, now: datetime) -> None:
    """Use the kept means of a locked reservation no more, and have them deleted."""
    means = good_means(reservation_id)
    if means is not None:
        _end(means, now=now)
        db.session.flush()


def _end(means: SavedMeans, *, now: datetime) -> None:
    means.ended_at = now
    _ask_to_delete(means.payment_id, now=now)
    withdrawals.note(withdrawals.CARD, [(means.payment_id,)], now=now)


@withdrawals.carries_out(withdrawals.CARD)
def _end_again(wanted: withdrawals.Wanted) -> None:
    for means in db.session.scalars(sa.select(SavedMeans).where(SavedMeans.ended_at.is_(None))):
        ended_at = wanted.since(means.payment_id)
        if ended_at is not None:
            means.ended_at = ended_at
            _ask_to_delete(means.payment_id, now=ended_at)


def end_all_of(person_id: str, *, now: datetime) -> None:
    """Have all that is kept for a person deleted; to be called before their key is destroyed."""
    query = sa.select(SavedMeans).where(
        SavedMeans.person_id == person_id, SavedMeans.ended_at.is_(None)
    )
    for means in db.session.scalars(query).all():
        _end(means, now=now)
    db.session.flush()


def keeps_anything_of(person_id: str) -> bool:
    """Whether a provider still keeps something of a person, or hasn't confirmed that it doesn't."""
    query = sa.select(SavedMeans.payment_id).where(SavedMeans.person_id == person_id).limit(1)
    return db.session.scalar(query) is not None


@reservation_cancelled.connect
def _cancelled(reservation: Reservation, *, now: datetime, **_: Any) -> None:
    end(reservation.id, now=now)


def opened(means: SavedMeans) -> Saved:
    """Return the provider's names for kept means. Raises PersonUnknown after erasure."""
    return Saved(means.customer or "", means.method or "", means.hint or "")


# -- Deleting -----------------------------------------------------------------------------


def _ask_to_delete(payment_id: str, *, now: datetime) -> None:
    enqueue("payments.forget", {"payment_id": payment_id}, now=now)


@handles("payments.forget")
def _forget(payload: dict[str, Any], now: datetime) -> None:
    forget(payload["payment_id"])


def forget(payment_id: str) -> None:
    """Have a provider delete what it kept with a payment, then our row. Commits.

    Raises NotSent, Unknown, NoProvider: then it is to be tried again.
    """
    order = _what_is_kept(payment_id)
    db.session.rollback()
    if order is None:
        return
    provider, saved, ref = order
    if saved is None:
        # We can't read its name any more. The provider can tell.
        try:
            saved = provider.fetch(ref).saved
        except Rejected:
            saved = None
    if saved is not None:
        provider.forget(saved)
    in_one_go(partial(_gone, payment_id))


def _what_is_kept(payment_id: str) -> tuple[PaymentProvider, Saved | None, str] | None:
    payment = db.session.get(Payment, payment_id, populate_existing=True)
    means = db.session.get(SavedMeans, payment_id, populate_existing=True)
    if payment is None or (means is not None and means.ended_at is None):
        return None
    provider = provider_named(payment.provider)
    if provider is None:
        raise NoProvider
    try:
        saved = opened(means) if means is not None else None
    except PersonUnknown:
        saved = None
    return provider, saved, payment.provider_ref or ""


def _gone(payment_id: str) -> None:
    db.session.execute(sa.delete(SavedMeans).where(SavedMeans.payment_id == payment_id))


@every_minute
def try_again(now: datetime) -> None:
    """Go on with deletions whose job has given up: a promise has no last try. Commits."""
    if now.minute % _EVERY:
        return
    query = sa.select(SavedMeans.payment_id).where(SavedMeans.ended_at <= now - _GIVEN_UP)
    left = list(db.session.scalars(query))
    db.session.rollback()
    for payment_id in left:
        try:
            forget(payment_id)
        except (ProviderError, NoProvider) as error:
            db.session.rollback()
            name = type(error).__name__
            log.error("kept means couldn't be deleted: payment=%s error=%s", payment_id, name)  # noqa: TRY400
