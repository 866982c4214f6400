"""What the owner's pages show of money: a few statements each, however much there is."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from app.booking.cancellation import StayBegun
from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import refund_if_cancelled
from app.core.database import db
from app.core.vault import PersonUnknown
from app.payments.compared import last_months, ledger_sums
from app.payments.ledger import SIGNED
from app.payments.models import (
    CAPTURE,
    CHARGEBACK,
    CHARGEBACK_REVERSAL,
    REFUND,
    REFUND_REVERSAL,
    Dispute,
    LedgerEntry,
    Payment,
    Refund,
)
from app.payments.refunds import is_blocked, refundable
from app.payments.states import CLAIMING, FAILED

MOVEMENTS = 50


@dataclass(frozen=True, slots=True)
class Month:
    """A month's money in one currency, in minor units; `here`: at its end, with the provider."""

    begins: date
    currency: str
    came: int
    went: int
    disputed: int
    here: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the ledger."""

    at: datetime
    kind: str
    minor: int  # less than nothing for money that went
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A payment as the page of its reservation shows it."""

    payment: Payment
    left: int  # may still go back, in minor units
    blocked: bool
    notes: dict[str, str]  # of its refunds, by their ids
    made_good: dict[str, str]  # and what was said of another way, by their ids
    stuck: list[Refund]  # those that failed, and may still be made good outside


# -- All payments ---------------------------------------------------------------------------


def months(zone: ZoneInfo, *, now: datetime) -> list[Month]:
    """Return the last months' sums, the newest first, by the calendar of the place.

    One row for each currency that moved by then.
    """
    begins = last_months(now.astimezone(zone).date())
    numbers: dict[date | None, int] = {begin: number for number, begin in enumerate(begins)}
    sums: dict[str, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for one in ledger_sums(begins, zone):
        of_month = sums[one.currency][numbers.get(one.begins, -1)]
        of_month[one.kind] = of_month.get(one.kind, 0) + one.minor
    return [
        month for number in reversed(range(len(begins))) for month in _month(number, begins, sums)
    ]


def _month(
    number: int, begins: list[date], sums: dict[str, dict[int, dict[str, int]]]
) -> list[Month]:
    found = []
    for currency, by_month in sorted(sums.items()):
        if min(by_month) > number:
            continue  # nothing of it had moved yet
        kinds = by_month.get(number, {})
        found.append(
            Month(
                begins=begins[number],
                currency=currency,
                came=kinds.get(CAPTURE, 0),
                went=kinds.get(REFUND, 0) + kinds.get(REFUND_REVERSAL, 0),
                disputed=kinds.get(CHARGEBACK, 0) + kinds.get(CHARGEBACK_REVERSAL, 0),
                here=sum(sum(of.values()) for month, of in by_month.items() if month <= number),
            )
        )
    return found


def movements() -> list[Movement]:
    """Return the newest lines of the ledger."""
    query = (
        sa.select(
            LedgerEntry.at,
            LedgerEntry.kind,
            SIGNED.label("minor"),
            LedgerEntry.currency,
            Reservation.reference,
        )
        .join(Payment, Payment.id == LedgerEntry.payment_id)
        .join(Reservation, Reservation.id == Payment.reservation_id)
        .order_by(LedgerEntry.id.desc())
        .limit(MOVEMENTS)
    )
    return [Movement(*row) for row in db.session.execute(query)]


def open_disputes() -> Sequence[Dispute]:
    """Return the disputes that wait for an answer, the most urgent first."""
    query = (
        sa.select(Dispute)
        .where(Dispute.state.in_(("inquiry", "open")))
        .options(joinedload(Dispute.payment).joinedload(Payment.reservation))
        .order_by(Dispute.due_at.is_(None), Dispute.due_at, Dispute.id)
    )
    return db.session.scalars(query).all()


# -- One of them ----------------------------------------------------------------------------


def payments_of(reservation: Reservation) -> list[Shown]:
    """Return every attempt to pay a reservation with its refunds and disputes, oldest first."""
    query = (
        sa.select(Payment)
        .where(Payment.reservation_id == reservation.id)
        .options(selectinload(Payment.refunds), selectinload(Payment.disputes))
        .order_by(Payment.created_at, Payment.id)
    )
    return [_shown(payment) for payment in db.session.scalars(query)]


def payment_by_id(payment_id: str) -> Payment | None:
    """Return a payment with its reservation."""
    query = (
        sa.select(Payment).where(Payment.id == payment_id).options(joinedload(Payment.reservation))
    )
    return db.session.scalar(query)


def policy_share(payment: Payment, *, now: datetime) -> int:
    """Return what of a payment the terms would give back now, in minor units.

    Of a cancelled reservation: what of the promise isn't on its way yet.
    """
    reservation, left = payment.reservation, refundable(payment)
    if reservation.status == CONFIRMED:
        try:
            return min(left, refund_if_cancelled(reservation, now=now))
        except StayBegun:
            return 0
    if reservation.status == CANCELLED:
        return min(left, max(0, (reservation.refund_minor or 0) - _sent_back(reservation)))
    return left  # nothing is booked for it


def _sent_back(reservation: Reservation) -> int:
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(Refund.amount_minor), 0))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.reservation_id == reservation.id,
            sa.or_(Refund.state.in_(CLAIMING), Refund.made_good_at.is_not(None)),
            Refund.reason.not_in(("late", "surplus")),
        )
    )
    return int(db.session.scalar(query) or 0)


def _shown(payment: Payment) -> Shown:
    moved = payment.captured_minor > 0
    left = refundable(payment) if moved else 0
    return Shown(
        payment=payment,
        left=left,
        blocked=moved and is_blocked(payment),
        notes=_opened(payment, lambda refund: refund.note),
        made_good=_opened(payment, lambda refund: refund.made_good),
        stuck=[refund for refund in payment.refunds if may_make_good(refund, left)],
    )


def may_make_good(refund: Refund, left: int) -> bool:
    """Whether the house may note that it gave a refund back in another way.

    `left` is what is left of its payment to give back: where that is less, something
    else has gone back in its place.
    """
    return refund.state == FAILED and refund.made_good_at is None and refund.amount_minor <= left


def _opened(payment: Payment, read: Callable[[Refund], str | None]) -> dict[str, str]:
    """Return what of its refunds can be opened, by their ids; nothing of somebody erased."""
    found: dict[str, str] = {}
    for refund in payment.refunds:
        with suppress(PersonUnknown):
            if text := read(refund):
                found[refund.id] = text
    return found
