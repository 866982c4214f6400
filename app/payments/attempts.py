"""Finding attempts, and locking them: always the reservation first, then its payment."""

from datetime import datetime

import sqlalchemy as sa

from app.booking.models import Reservation
from app.booking.reservations import get_for_update
from app.core.database import db
from app.payments.due import overdue
from app.payments.models import BALANCE, Payment, Refund
from app.payments.states import FAILED, OPEN, REVIEW


def lock_payment(payment_id: str) -> Payment | None:
    """Return an attempt, with its reservation, locked until the commit and as it is now."""
    query = sa.select(Payment.reservation_id).where(Payment.id == payment_id)
    reservation_id = db.session.scalar(query)
    if reservation_id is None:
        return None
    get_for_update(reservation_id)
    return _locked(sa.select(Payment).where(Payment.id == payment_id))


def lock_open_attempt(reservation_id: int) -> Payment | None:
    """Return the open attempt of a reservation that is locked already."""
    return _locked(
        sa.select(Payment).where(Payment.reservation_id == reservation_id, Payment.state.in_(OPEN))
    )


def id_by_ref(provider: str, ref: str) -> str | None:
    """Return the id of the attempt that a provider calls `ref`."""
    query = sa.select(Payment.id).where(Payment.provider == provider, Payment.provider_ref == ref)
    return db.session.scalar(query)


def has_review(reservation_id: int) -> bool:
    """Whether money came for a reservation that a person has to look at."""
    query = sa.select(Payment.id).where(
        Payment.reservation_id == reservation_id, Payment.state == REVIEW
    )
    return db.session.scalar(query.limit(1)) is not None


def newest_attempt(reservation_id: int) -> Payment | None:
    """Return the attempt that was begun last, for pages."""
    query = (
        sa.select(Payment)
        .where(Payment.reservation_id == reservation_id)
        # A balance is begun after what made the reservation firm, even at the same instant.
        .order_by(Payment.created_at.desc(), (Payment.part == BALANCE).desc(), Payment.id)
        .limit(1)
    )
    return db.session.scalar(query)


def _locked(query: sa.Select[Payment]) -> Payment | None:
    fresh = query.with_for_update().execution_options(populate_existing=True)
    found: Payment | None = db.session.execute(fresh).scalar_one_or_none()
    return found


def needs_a_look(*, now: datetime) -> sa.ColumnElement[bool]:
    """Say of a reservation that a person should look at its money.

    A payment of it didn't match, a refund failed, or its balance is overdue: nothing is
    cancelled by itself.
    """
    review = sa.select(Payment.reservation_id).where(Payment.state == REVIEW)
    failed = (
        sa.select(Payment.reservation_id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.state == FAILED, Refund.made_good_at.is_(None))
    )
    late = sa.select(Reservation.id).where(overdue(now=now)).correlate(None)
    # One list of few, each found by an index of its own: asked with "or", PostgreSQL reads
    # every reservation there is.
    return Reservation.id.in_(sa.union(review, failed, late))
