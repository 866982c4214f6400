"""Starting a payment: a row, a commit, a call, and another commit.

No transaction is open while a provider is called. What it is asked is kept in the row,
so that a call which wasn't answered can be repeated word for word under the same key.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from app.booking.links import checkout_key, guest_url
from app.booking.models import ASKED, CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import (
    ReservationCancelled,
    confirm,
    get_for_update,
    renew_hold,
)
from app.core.database import db, in_one_go
from app.core.errors import DomainError
from app.core.languages import N_, gettext, use_language
from app.core.money import Money
from app.payments.apply import close
from app.payments.attempts import has_review, lock_open_attempt, lock_payment
from app.payments.due import due_now
from app.payments.models import BALANCE, DEPOSIT, KEEP, KEPT, PAGE, Payment
from app.payments.plan import Choice, choose, part_of
from app.payments.provider import (
    Declined,
    Intent,
    NotSent,
    PaymentProvider,
    Rejected,
    Started,
    Unknown,
)
from app.payments.providers import current_provider, provider_named
from app.payments.states import AUTHORISED, CREATED, EXPIRED, FAILED, PENDING, PROCESSING
from app.payments.told import note_told
from app.web.pages import outside_url

log = logging.getLogger(__name__)

# A page that is about to close is no use to somebody who has yet to find their card.
STILL_GOOD = timedelta(minutes=1)
# A second click within this time belongs to the first: the call may be on its way.
SAME_CLICK = timedelta(minutes=1)
# A provider may have kept a failure under our key, and would repeat it for ever.
MOST_UNANSWERED = 3
_ROUNDS = 4


class PaymentUnavailable(DomainError):
    """The provider can't be reached, or hasn't answered. Trying again is safe."""

    message = N_(
        "Our payment service can’t be reached just now. Nothing has been charged, and your "
        "places stay held. Please try again in a moment."
    )


class PaymentUnanswered(PaymentUnavailable):
    """The provider hasn't answered, and may have done what we asked. Trying again is safe."""

    message = N_(
        "Our payment service hasn’t answered, and we are checking. You have paid nothing yet, "
        "and your places stay held. Please try again in a moment."
    )


class PaymentRefused(DomainError):
    """The provider won't take this payment."""

    message = N_(
        "Our payment service didn’t accept this payment. Nothing has been charged. "
        "Please write to us, and we’ll find another way."
    )


class PaymentUnderReview(DomainError):
    """Money came that doesn't match. Nobody should pay twice while a person looks at it."""

    message = N_(
        "We have received a payment for this reservation that we have to look at first. "
        "Please don’t pay again: we’ll write to you."
    )


@dataclass(frozen=True, slots=True)
class _Close:
    """A page that must be closed before another one is made."""

    provider: PaymentProvider
    payment_id: str
    ref: str


def start_payment(reservation: Reservation, *, now: datetime, choice: Choice | None = None) -> str:
    """Return the address on which the guest pays, or their reservation's if nothing is due.

    `choice` is between the ways to pay what is held; of what is firm, the balance is paid.
    Commits, more than once. An open attempt for the same amount is gone on with, at the
    same address; for another amount it is closed first, and what was paid on it counts.

    Raises HoldPassed, ReservationCancelled and PlacesGone as booking does;
    DepositNotOffered; NoProvider; PaymentUnavailable, after which the hold goes on and
    trying again is safe; PaymentRefused; PaymentUnderReview.
    """
    reservation_id = reservation.id
    for _ in range(_ROUNDS):
        step = in_one_go(partial(_decide, reservation_id, choice, now=now))
        if isinstance(step, str):
            return step
        if isinstance(step, Intent):
            return _call(step, now=now)
        _close(step, now=now)
    raise PaymentUnavailable


def come_back_url(reservation: Reservation) -> str:
    """Return the address at which a guest comes back from the provider's page."""
    return _address("payments.come_back", reservation)


def _address(endpoint: str, reservation: Reservation) -> str:
    # Made without the request at hand: a repeated call must say the same to the letter.
    return outside_url(endpoint, key=checkout_key(reservation), lang=reservation.language)


# -- Before the call ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be paid now, and how."""

    part: str
    minor: int
    way: str


def _decide(reservation_id: int, choice: Choice | None, *, now: datetime) -> str | Intent | _Close:
    """Say what to do next: go to an address, call the provider, or close a page."""
    reservation = get_for_update(reservation_id)
    if reservation.status == CANCELLED:
        raise ReservationCancelled
    if reservation.status != CONFIRMED and reservation.total_minor == 0:
        confirm(reservation, now=now)
    if choice is not None and reservation.status == CONFIRMED:
        return guest_url(reservation)  # another page of theirs was paid before this one
    due = _due(reservation, choice, now=now)
    if not due.minor:
        return guest_url(reservation)

    attempt = lock_open_attempt(reservation.id)
    if attempt is not None and attempt.state in (PROCESSING, AUTHORISED):
        return come_back_url(reservation)
    if attempt is not None and attempt.way == KEPT:
        return guest_url(reservation)  # the kept card is being charged: that page says so

    if has_review(reservation.id):
        raise PaymentUnderReview
    if due.part != BALANCE:
        renew_hold(reservation, now=now)
    step = _go_on_with(attempt, reservation, due, now=now) if attempt is not None else None
    if step is None:
        if choice is not None:
            # Not before the other page is closed: if it was paid, its choice counts.
            choose(reservation, choice.part, now=now)
        attempt = _new_attempt(reservation, due, now=now)
        step = intent_of(attempt, reservation, now=now)
    return step


def _due(reservation: Reservation, choice: Choice | None, *, now: datetime) -> _Due:
    if choice is None:
        return _Due(*due_now(reservation), PAGE)
    part, minor = part_of(reservation, choice, now=now)
    return _Due(part, minor, KEEP if choice.keep and part == DEPOSIT else PAGE)


def _go_on_with(
    attempt: Payment, reservation: Reservation, due: _Due, *, now: datetime
) -> str | Intent | _Close | None:
    """Say how to go on with an open attempt; None if another has to be begun."""
    wanted = (current_provider().name, due.part, due.minor, due.way, reservation.currency)
    same = wanted == (
        attempt.provider, attempt.part, attempt.amount_minor, attempt.way, attempt.currency
    )  # fmt: skip
    fits = same and attempt.expires_at > now + STILL_GOOD
    if fits and attempt.redirect_url:
        return attempt.redirect_url

    asking = attempt.unknown or now - attempt.created_at < SAME_CLICK
    if fits and asking and attempt.unanswered < MOST_UNANSWERED:
        return intent_of(attempt, reservation, now=now)

    provider = provider_named(attempt.provider)
    if attempt.provider_ref and provider is not None:
        return _Close(provider, attempt.id, attempt.provider_ref)
    # Nobody was ever given an address to pay it on, or we can ask its provider no more.
    attempt.state, attempt.changed_at, attempt.redirect_url = EXPIRED, now, None
    db.session.flush()
    return None


def _new_attempt(reservation: Reservation, due: _Due, *, now: datetime) -> Payment:
    provider = current_provider()
    attempt = Payment(
        id=str(uuid4()),
        reservation_id=reservation.id,
        person_id=reservation.person_id,
        provider=provider.name,
        part=due.part,
        way=due.way,
        state=CREATED,
        amount_minor=due.minor,
        currency=reservation.currency,
        # The hold is longer than that, but for somebody who has held for hours already.
        expires_at=now + provider.caps.min_hold,
        created_at=now,
        changed_at=now,
    )
    db.session.add(attempt)
    db.session.flush()
    return attempt


def intent_of(attempt: Payment, reservation: Reservation, *, now: datetime) -> Intent:
    """Return what the provider is told: an opaque id, an amount and a reference (C21).

    It is noted for the guest to see, as there is no other way to make an intent. The
    caller commits before it calls.
    """
    note_told(attempt, now=now)
    with use_language(reservation.language):
        if reservation.kind == ASKED:
            label = gettext("Payment %(reference)s", reference=reservation.reference)
        else:
            label = gettext("Reservation %(reference)s", reference=reservation.reference)
    return Intent(
        payment_id=attempt.id,
        money=Money(attempt.amount_minor, attempt.currency),
        label=label,
        expires_at=attempt.expires_at,
        return_url=come_back_url(reservation),
        cancel_url=_address("payments.pay", reservation),
        locale=reservation.language,
        save=attempt.way == KEEP,
    )


# -- The call, and after it ---------------------------------------------------------------


def _call(intent: Intent, *, now: datetime) -> str:
    provider = current_provider()
    try:
        started = provider.start(intent, key=f"start:{intent.payment_id}")
    except NotSent as error:
        raise PaymentUnavailable from error
    except Unknown as error:
        in_one_go(partial(_unanswered, intent.payment_id, now=now))
        raise PaymentUnanswered from error
    except (Declined, Rejected) as error:
        in_one_go(partial(_refused, intent.payment_id, now=now))
        raise PaymentRefused from error
    if not in_one_go(partial(_keep, intent.payment_id, started, now=now)):
        # It was given up in the meantime. What is paid there would go back; better that
        # nothing can be.
        _close(_Close(provider, intent.payment_id, started.ref), now=now)
        raise PaymentUnavailable
    return started.redirect_url


def _keep(payment_id: str, started: Started, *, now: datetime) -> bool:
    """Keep the address of the page; return whether the attempt is still open."""
    payment = lock_payment(payment_id)
    if payment is None or payment.state not in (CREATED, PENDING):
        return False
    payment.state = PENDING
    payment.unknown = False
    payment.provider_ref = started.ref
    payment.redirect_url = started.redirect_url
    payment.expires_at = started.expires_at
    payment.changed_at = now
    return True


def _unanswered(payment_id: str, *, now: datetime) -> None:
    payment = lock_payment(payment_id)
    if payment is not None and payment.state == CREATED:
        payment.unknown = True
        payment.unanswered += 1
        payment.changed_at = now


def _refused(payment_id: str, *, now: datetime) -> None:
    log.error("a payment was refused at its start: payment=%s", payment_id)
    payment = lock_payment(payment_id)
    if payment is not None and payment.state == CREATED:
        payment.state = FAILED
        payment.changed_at = now


def _close(page: _Close, *, now: datetime) -> None:
    """Close a page, and apply what is true then: it may have been paid just before."""
    try:
        close(page.provider, page.payment_id, page.ref, now=now)
    except (NotSent, Unknown) as error:
        raise PaymentUnavailable from error
