"""Balances: who is reminded when, and how a reservation stands.

What was told is written down beside it, so each message goes out once, however long the
worker stood still; of those that were missed only the last one is sent.
"""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from app.booking.models import Reservation
from app.booking.reservations import get_for_update, is_held
from app.booking.shop import shop
from app.booking.standing import Standing
from app.core.database import db, in_one_go
from app.core.outbox import enqueue
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.payments.attempts import lock_open_attempt, newest_attempt
from app.payments.due import at_the_place, outstanding, owing
from app.payments.models import BALANCE, KEPT, Payment, SavedMeans
from app.payments.plan import NOTICE, at_six
from app.payments.saved import end, good_means
from app.payments.states import AUTHORISED, FAILED, OPEN, PROCESSING

log = logging.getLogger(__name__)

WEEK = timedelta(days=7)
# From eight in the morning of the day on which it is due by six.
ON_THE_DAY = timedelta(hours=10)
# So long a guest has to pay by the link after a payment of theirs failed.
TO_PAY_AGAIN = timedelta(days=3)
# A worker that stood still for longer than this doesn't shorten the notice that was promised.
_LATE = timedelta(hours=1)
# Tries to charge kept means; after them, the link alone.
MOST_TRIES = 2

NOT_TOLD, WEEK_TOLD, DAY_TOLD = 0, 1, 2  # Reservation.balance_told


# -- Reminding ----------------------------------------------------------------------------


@every_minute
def remind(now: datetime) -> None:
    """Tell guests of balances that will be due, each of them what they weren't told. Commits."""
    query = (
        sa.select(Reservation.id)
        .where(
            Reservation.balance_due_at <= now + WEEK, Reservation.balance_told < DAY_TOLD, *owing()
        )
        .order_by(Reservation.id)
    )
    ids = list(db.session.scalars(query))
    db.session.rollback()
    for reservation_id in ids:
        try:
            in_one_go(partial(_remind, reservation_id, now=now))
        except sa.exc.SQLAlchemyError as error:  # the next one may be fine
            name = type(error).__name__
            log.error("a reminder failed: reservation=%s error=%s", reservation_id, name)  # noqa: TRY400


def _remind(reservation_id: int, *, now: datetime) -> None:
    reservation = get_for_update(reservation_id)
    attempt = lock_open_attempt(reservation_id)
    if not outstanding(reservation) or (attempt is not None and _coming(attempt)):
        return
    if good_means(reservation_id) is not None:
        _announce_charge(reservation, now=now)
        return
    due = _stage(reservation, now=now)
    if due > reservation.balance_told:
        reservation.balance_told = due
        _tell(reservation, "balance_due", now=now)


def _announce_charge(reservation: Reservation, *, now: datetime) -> None:
    """Tell the guest when their kept card will be charged, once.

    Where that is said late, the day moves: the time that was promised is theirs.
    """
    means = good_means(reservation.id)
    due_at = reservation.balance_due_at
    if means is None or means.noticed_at is not None or due_at is None or now < due_at - NOTICE:
        return
    means.noticed_at = now
    if now + NOTICE - _LATE > due_at:
        _give_until(reservation, now + NOTICE)
    _tell(reservation, "balance_saved_notice", now=now)


def _stage(reservation: Reservation, *, now: datetime) -> int:
    due_at = reservation.balance_due_at
    if due_at is None or now < due_at - WEEK:
        return NOT_TOLD
    return DAY_TOLD if now >= due_at - ON_THE_DAY else WEEK_TOLD


def told_at_booking(reservation: Reservation, *, now: datetime) -> None:
    """Leave out a reminder that would follow on the heels of the confirmation."""
    reservation.balance_told = max(reservation.balance_told, _stage(reservation, now=now))


# -- What became of a payment -------------------------------------------------------------


def balance_paid(reservation: Reservation, *, now: datetime) -> None:
    """Tell the guest of a locked reservation that all is paid; nothing needs to be kept."""
    end(reservation.id, now=now)
    _tell(reservation, "balance_paid", now=now)


def balance_failed(payment: Payment, *, now: datetime, again: bool = True) -> None:
    """Send the guest of a locked payment that failed a link, and give them time to use it.

    `again`: whether charging kept means once more, a day later, is of any use.
    """
    reservation = payment.reservation
    if not outstanding(reservation):
        return
    _give_until(reservation, now + TO_PAY_AGAIN)
    reservation.balance_told = max(reservation.balance_told, WEEK_TOLD)
    means = good_means(reservation.id)
    if payment.way == KEPT and means is not None and (not again or means.tries >= MOST_TRIES):
        end(reservation.id, now=now)
    _tell(reservation, "balance_failed", now=now)


def _give_until(reservation: Reservation, moment: datetime) -> None:
    """Move the day on which a balance is due, never to an earlier one or beyond the start."""
    zone = shop().venue.zone
    day = moment.astimezone(zone).date()
    if at_six(day, zone) < moment - _LATE:
        day += timedelta(days=1)
    until = min(at_six(day, zone), reservation.first_start.astimezone(UTC))
    if reservation.balance_due_at is None or until > reservation.balance_due_at:
        reservation.balance_due_at = until
        db.session.flush()


def _tell(reservation: Reservation, template: str, *, now: datetime) -> None:
    enqueue("mail", {"template": template, "reservation_id": reservation.id}, now=now)


# -- For pages and mails ------------------------------------------------------------------


def _coming(attempt: Payment) -> bool:
    """Whether the money of an open attempt is on its way, or may be."""
    return attempt.state in (PROCESSING, AUTHORISED) or attempt.way == KEPT


def _is_coming(attempt: Payment | None) -> bool:
    return attempt is not None and attempt.state in OPEN and _coming(attempt)


def standing(reservation: Reservation, *, now: datetime) -> Standing:
    """Return what was paid of a reservation and what is owed, and by what."""
    owed = outstanding(reservation)
    if not owed:
        return Standing(
            paid_minor=reservation.paid_minor,
            at_place_minor=at_the_place(reservation),
            coming=is_held(reservation, now=now) and _is_coming(newest_attempt(reservation.id)),
        )
    attempt = newest_attempt(reservation.id)
    if attempt is not None and attempt.part != BALANCE:
        attempt = None
    means = good_means(reservation.id)
    return Standing(
        paid_minor=reservation.paid_minor,
        owed_minor=owed,
        until=reservation.balance_due_at,
        coming=_is_coming(attempt),
        failed=attempt is not None and attempt.state == FAILED,
        overdue=reservation.balance_due_at is not None and reservation.balance_due_at < now,
        card=_hint(means) if means is not None else None,
    )


def _hint(means: SavedMeans) -> str:
    try:
        return means.hint or ""
    except PersonUnknown:
        return ""
