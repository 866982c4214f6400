"""Comparing what must agree: attempts, refunds, disputes, ledger, reservations, places.

Nothing is changed here. Every mismatch has a name, and says what to do; it is gone from
the list once that is done. `app.payments.compare` asks the providers as well.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import prove
from app.core.database import db
from app.core.languages import gettext
from app.payments.audit_words import WORDS
from app.payments.ledger import SIGNED
from app.payments.models import (
    IS_OPEN,
    IS_REVIEW,
    Dispute,
    LedgerEntry,
    Payment,
    Refund,
    SeenNotice,
)
from app.payments.states import (
    CLAIMING,
    CREATED,
    FAILED,
    PAID,
    PENDING,
    PROCESSING,
    REQUESTED,
    REVIEW,
    SUCCEEDED,
)

# What is open for longer than this should have ended by itself.
_PAGE_ENDED = timedelta(minutes=30)
_MONEY_SLOW = timedelta(days=14)
_CALL_SLOW = timedelta(days=1)
_NOTICES_OF = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two things that should agree and don't. Amounts are minor units of `currency`."""

    code: str
    reference: str | None = None
    payment_id: str | None = None
    found: int | None = None
    expected: int | None = None
    currency: str | None = None
    until: datetime | None = None  # a deadline
    detail: str = ""  # a word of ours or a provider's

    def words(self) -> str:
        """Return what doesn't agree, as a sentence."""
        return gettext(WORDS[self.code].what)

    def to_do(self) -> str:
        """Return what to do about it."""
        return gettext(WORDS[self.code].do)


@dataclass(frozen=True, slots=True)
class Audit:
    """What a comparison found. `elsewhere`: firm bookings that were never paid through here."""

    mismatches: tuple[Mismatch, ...]
    elsewhere: int


def audit(*, now: datetime, only: Collection[int] | None = None) -> Audit:
    """Compare our own books with each other, without a word to anybody outside.

    What would take reading whole tables is looked for in the reservations of `only`,
    by their ids, and among the nights and sessions to come; without it, in all there is.
    """
    found = [
        *_reviews(),
        *_disputes(),
        *_ledger(_among(only)),
        *_paid_for_nothing(_among(only)),
        *_not_what_counts(_among(only)),
        *_less_than_promised(_among(only)),
        *_all_back_but_firm(now, _among(only)),
        *_refunds(now),
        *_balances(now),
        *_attempts(now),
        *_notices(now),
        *_places(now, ahead_only=only is not None),
    ]
    return Audit(tuple(found), _elsewhere())


def _among(only: Collection[int] | None) -> sa.ColumnElement[bool]:
    return sa.true() if only is None else Reservation.id.in_(only)


# -- Sums, each for one row of a table ------------------------------------------------------


def _sum(column: Any, *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(*where).scalar_subquery()


def _refunded(*states: str) -> sa.ScalarSelect[int]:
    return _sum(Refund.amount_minor, Refund.payment_id == Payment.id, Refund.state.in_(states))


_CLAIMED = _refunded(*CLAIMING)
_MADE_GOOD = _sum(
    Refund.amount_minor, Refund.payment_id == Payment.id, Refund.made_good_at.is_not(None)
)
_WITHDRAWN = _sum(Dispute.withdrawn_minor, Dispute.payment_id == Payment.id)
# Money that came for what nobody needed to pay for: it went back, and counts for nothing.
_SURPLUS = (
    sa.exists()
    .where(Refund.payment_id == Payment.id, Refund.reason.in_(("late", "surplus")))
    .correlate(Payment)
)


def _of(code: str, row: Any, **more: Any) -> Mismatch:
    return Mismatch(code, reference=row.reference, payment_id=row.id, currency=row.currency, **more)


_ABOUT = (Payment.id, Reservation.reference, Payment.currency)


def _payments(*more: Any) -> Any:
    return (
        sa.select(*_ABOUT, *more)
        .join(Reservation, Reservation.id == Payment.reservation_id)
        .order_by(Payment.created_at, Payment.id)
    )


# -- What may not agree ---------------------------------------------------------------------


def _reviews() -> Iterator[Mismatch]:
    """Money that didn't match what was asked for, until all of it has gone."""
    left = _sum(SIGNED, LedgerEntry.payment_id == Payment.id)
    query = _payments(Payment.review, Payment.amount_minor, left.label("left"))
    for row in db.session.execute(query.where(IS_REVIEW, left != 0)):
        yield _of("review", row, found=row.left, expected=row.amount_minor, detail=row.review or "")


def _disputes() -> Iterator[Mismatch]:
    query = (
        _payments(Dispute.state, Dispute.amount_minor, Dispute.due_at, Dispute.reason)
        .join(Dispute, Dispute.payment_id == Payment.id)
        .where(Dispute.state.in_(("inquiry", "open")))
    )
    for row in db.session.execute(query):
        code = "dispute_open" if row.state == "open" else "dispute_inquiry"
        yield _of(code, row, found=row.amount_minor, until=row.due_at, detail=row.reason)


def _ledger(among: sa.ColumnElement[bool]) -> Iterator[Mismatch]:
    """The ledger says of each payment what its rows say: came, less went back, less withdrawn."""
    balance = _sum(
        SIGNED,
        LedgerEntry.payment_id == Payment.id,
        LedgerEntry.currency == Payment.currency,
    )
    rows = Payment.captured_minor - _refunded(SUCCEEDED) - _WITHDRAWN
    query = _payments(balance.label("found"), rows.label("expected"))
    # Of a payment to be reviewed, the ledger has money that the row doesn't count.
    for row in db.session.execute(query.where(among, Payment.state != REVIEW, balance != rows)):
        yield _of("ledger", row, found=row.found, expected=row.expected)


def _paid_for_nothing(among: sa.ColumnElement[bool]) -> Iterator[Mismatch]:
    """Money for a reservation that isn't firm, of which nothing is on its way back."""
    left = Payment.captured_minor - _CLAIMED - _MADE_GOOD - _WITHDRAWN
    query = _payments(left.label("found")).where(
        among, Payment.state == PAID, Reservation.status.not_in((CONFIRMED, CANCELLED)), left > 0
    )
    for row in db.session.execute(query):
        yield _of("paid_not_firm", row, found=row.found, expected=0)


def _not_what_counts(among: sa.ColumnElement[bool]) -> Iterator[Mismatch]:
    """What counts as paid is what the payments brought, without what went back of a surplus."""
    brought = _sum(
        Payment.captured_minor,
        Payment.reservation_id == Reservation.id,
        Payment.state == PAID,
        ~_SURPLUS,
    )
    beyond = (
        sa.select(sa.func.coalesce(sa.func.sum(Refund.surplus_minor), 0))
        .join(Payment, Refund.payment_id == Payment.id)
        .where(Payment.reservation_id == Reservation.id)
        .scalar_subquery()
    )
    paid = brought - beyond
    firm = Reservation.status.in_((CONFIRMED, CANCELLED))
    has_attempt = sa.exists().where(Payment.reservation_id == Reservation.id)
    query = (
        sa.select(
            Reservation.reference,
            Reservation.currency,
            Reservation.paid_minor,
            paid.label("came"),
        )
        .where(among, firm, sa.or_(paid != Reservation.paid_minor, sa.and_(_short(), has_attempt)))
        .order_by(Reservation.id)
    )
    for row in db.session.execute(query):
        code = "firm_unpaid" if row.came == row.paid_minor else "paid_differs"
        yield Mismatch(
            code,
            reference=row.reference,
            found=row.came,
            expected=row.paid_minor,
            currency=row.currency,
        )


def _short() -> sa.ColumnElement[bool]:
    """Say of a confirmed reservation that less was paid than it takes to be firm."""
    least = sa.func.coalesce(Reservation.deposit_minor, Reservation.total_minor)
    return sa.and_(Reservation.status == CONFIRMED, Reservation.paid_minor < least)


def _less_than_promised(among: sa.ColumnElement[bool]) -> Iterator[Mismatch]:
    """What was promised at a cancellation went back, or is on its way, or a bank has taken it."""
    of_reservation = sa.and_(Payment.reservation_id == Reservation.id, ~_SURPLUS)
    back = (
        sa.select(sa.func.coalesce(sa.func.sum(_CLAIMED + _MADE_GOOD + _WITHDRAWN), 0))
        .select_from(Payment)
        .where(of_reservation)
        .scalar_subquery()
    )
    # One with a payment to be given back from: the others were never paid through here.
    came = sa.exists().where(of_reservation, Payment.captured_minor > 0)
    query = (
        sa.select(
            Reservation.reference,
            Reservation.currency,
            Reservation.refund_minor,
            back.label("back"),
        )
        .where(among, Reservation.status == CANCELLED, came, back < Reservation.refund_minor)
        .order_by(Reservation.id)
    )
    for row in db.session.execute(query):
        yield Mismatch(
            "less_than_promised",
            reference=row.reference,
            found=row.back,
            expected=row.refund_minor,
            currency=row.currency,
        )


def _all_back_but_firm(now: datetime, among: sa.ColumnElement[bool]) -> Iterator[Mismatch]:
    """A booking that stands, although all of its money was sent back at the provider."""
    by_hand = sa.exists().where(Refund.payment_id == Payment.id, Refund.external)
    query = _payments(Payment.captured_minor).where(
        among,
        Payment.state == PAID,
        Reservation.status == CONFIRMED,
        Reservation.first_start > now,
        ~_SURPLUS,
        by_hand,
        Payment.captured_minor <= _CLAIMED,
    )
    for row in db.session.execute(query):
        yield _of("all_back_but_firm", row, found=0, expected=row.captured_minor)


def _refunds(now: datetime) -> Iterator[Mismatch]:
    """Refunds that failed and weren't made good since, and those that never end."""
    later = sa.orm.aliased(Refund)
    made_good = _sum(
        later.amount_minor,
        later.payment_id == Refund.payment_id,
        later.state.in_(CLAIMING),
        later.created_at >= Refund.changed_at,
    )
    failed = sa.and_(
        Refund.state == FAILED,
        ~Refund.external,
        Refund.made_good_at.is_(None),
        sa.func.coalesce(Refund.failure, "") != "never_arrived",  # asked for anew by itself
        made_good < Refund.amount_minor,
    )
    stuck = sa.or_(
        sa.and_(Refund.state == REQUESTED, Refund.created_at < now - _CALL_SLOW),
        sa.and_(Refund.state == PENDING, Refund.changed_at < now - _MONEY_SLOW),
    )
    query = (
        _payments(Refund.state, Refund.amount_minor, Refund.failure)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(sa.or_(failed, stuck))
    )
    for row in db.session.execute(query):
        code = "refund_failed" if row.state == FAILED else "refund_stuck"
        yield _of(code, row, expected=row.amount_minor, detail=row.failure or "")


def _balances(now: datetime) -> Iterator[Mismatch]:
    query = (
        sa.select(
            Reservation.reference,
            Reservation.currency,
            Reservation.total_minor,
            Reservation.paid_minor,
            Reservation.balance_due_at,
        )
        .where(
            Reservation.status == CONFIRMED,
            Reservation.deposit_minor.is_not(None),
            Reservation.paid_minor < Reservation.total_minor,
            Reservation.balance_due_at < now,
        )
        .order_by(Reservation.balance_due_at)
    )
    for row in db.session.execute(query):
        yield Mismatch(
            "balance_overdue",
            reference=row.reference,
            found=row.paid_minor,
            expected=row.total_minor,
            currency=row.currency,
            until=row.balance_due_at,
        )


def _attempts(now: datetime) -> Iterator[Mismatch]:
    """Attempts that should have ended, and calls that were never answered."""
    ended = Payment.expires_at < now - _PAGE_ENDED
    query = _payments(Payment.state, Payment.unknown, Payment.amount_minor).where(
        IS_OPEN,
        sa.or_(
            sa.and_(Payment.state.in_((CREATED, PENDING)), ended),
            sa.and_(Payment.state == PROCESSING, Payment.changed_at < now - _MONEY_SLOW),
        ),
    )
    for row in db.session.execute(query):
        code = "unanswered" if row.unknown else "attempt_open"
        yield _of(code, row, expected=row.amount_minor, detail=row.state)


def _notices(now: datetime) -> Iterator[Mismatch]:
    """Notices of the last days that speak of nothing we know: a whole line for each provider."""
    query = (
        sa.select(SeenNotice.provider, sa.func.count().label("many"))
        .where(~SeenNotice.resolved, SeenNotice.at >= now - _NOTICES_OF)
        .group_by(SeenNotice.provider)
        .order_by(SeenNotice.provider)
    )
    for row in db.session.execute(query):
        yield Mismatch("notice_unknown", found=row.many, detail=row.provider)


def _places(now: datetime, *, ahead_only: bool) -> Iterator[Mismatch]:
    for offer_id, key, counted, taken in prove(now=now, ahead_only=ahead_only):
        yield Mismatch("places", found=taken, expected=counted, detail=f"{offer_id}: {key}")


def _elsewhere() -> int:
    """Count firm bookings with a price and no attempt to pay: they were paid somewhere else."""
    has_attempt = sa.exists().where(Payment.reservation_id == Reservation.id)
    query = sa.select(sa.func.count(Reservation.id)).where(
        # As its index has it, which a parameter would hide.
        sa.text("reservation.status = 'confirmed' AND reservation.paid_minor = 0"),
        sa.text("reservation.total_minor > 0"),
        ~has_attempt,
    )
    return int(db.session.scalar(query) or 0)
