"""Asking somebody for a sum that isn't booked: a lost key, a late dinner, a gift.

*Link*: a reservation of kind ASKED, whose one line is a fee. It takes no place and is
held until its last day is over, so it is paid, confirmed, refunded, invoiced and
reconciled by the same verbs as every other reservation. It begins as it is asked for:
no policy of cancellation gives anything of it back, and no deposit is offered.

*Open*: it can be paid. *Withdrawn*: by the house; what is paid on it all the same goes
back. *Run out*: its day is over; what was on its way by then still counts.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.booking.cancellation import CancellationPolicy
from app.booking.catalogue import Catalogue
from app.booking.holds import new_reference
from app.booking.models import (
    ASKED,
    CANCELLED,
    CONFIRMED,
    HELD,
    RELEASED,
    Reservation,
    ReservationLine,
)
from app.booking.reservations import get_for_update, is_held
from app.core.database import db
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import LANGUAGES, N_, gettext, use_language
from app.core.money import included_tax
from app.core.outbox import enqueue
from app.core.vault import vault
from app.payments.models import Payment
from app.payments.plan import LEAST_MINOR
from app.payments.states import AUTHORISED, OPEN, PROCESSING

MOST_DAYS = 30
# Stripe takes eight digits (https://docs.stripe.com/currencies, "Minimum and maximum").
MOST_MINOR = 99_999_999
OPEN_LINK, COMING, PAID, WITHDRAWN, RUN_OUT = "open", "coming", "paid", "withdrawn", "run_out"
_NOTHING_BACK = CancellationPolicy((), grace_hours=0).to_json()


class NotAsked(DomainError):
    """Something about the question isn't right; `field` says what."""

    field = ""


class AmountOutOfReach(NotAsked):
    """No provider takes so little, or so much, at once."""

    field = "amount"
    message = N_("That is too little or too much to be paid at once.")


class BadEnd(NotAsked):
    """The last day is over, or too far away."""

    field = "until"
    message = N_("Please choose a day from today on, and within %(days)d days.")


class NoSuchRate(NotAsked):
    """A rate of tax that nothing of the place has."""

    field = "vat"
    message = N_("Please choose one from the list.")


class NoSuchBooking(NotAsked):
    """There is no booking of that reference, or nobody's name is on it any more."""

    field = "about"
    message = N_("We know no reservation with this reference that somebody’s name is on.")


class NobodyNamed(NotAsked):
    """Neither a booking nor a name and an address."""

    field = "email"
    message = N_(
        "Please enter a name and an e-mail address, or the reference of their reservation."
    )


class PaidAlready(DomainError):
    """What was paid isn't withdrawn but given back."""

    message = N_("This has been paid already. You can give the money back instead.")


class PaymentComing(DomainError):
    """The guest has done their part."""

    message = N_("A payment for this is on its way. Once it is here, you can give it back.")


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of whom: minor units of the place's currency, tax (basis points) included.

    `until` is the last day on which it can be paid, by the calendar of the place. `about`
    is the reference of a booking, or nothing; with one, whoever booked is asked unless a
    name and an address are given.
    """

    minor: int
    vat_bp: int
    what_for: str
    language: str
    until: date
    name: str = ""
    email: str = ""
    about: str = ""


def rates_in_use(catalogue: Catalogue) -> list[int]:
    """Return the rates of tax that anything at the place has, in basis points, lowest first."""
    rates = {offer.vat_bp for offer in catalogue.stays}
    rates |= {offer.vat_bp for offer in catalogue.sessions}
    rates |= {extra.vat_bp for extra in catalogue.extras}
    rates |= {charge.vat_bp for charge in catalogue.charges}
    return sorted(rates) or [0]


# -- Asking, and taking it back -------------------------------------------------------------


def ask(asking: Asking, catalogue: Catalogue, *, form_id: str, now: datetime) -> Reservation:
    """Ask somebody for a sum, once for each `form_id`, and mail them the link.

    The caller commits. Raises a NotAsked, with nothing written.
    """
    digest = sha256(form_id.encode())
    reference = new_reference(digest.digest()[:8])
    known = db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))
    if known is not None and known.quote_digest == digest.hexdigest():
        return known
    end = _end(asking, catalogue, now=now)
    booking = _booking(asking.about)
    made = Reservation(
        reference=reference,
        kind=ASKED,
        status=HELD,
        language=asking.language,
        currency=catalogue.venue.currency,
        total_minor=asking.minor,
        quote_digest=digest.hexdigest(),
        cancellation=_NOTHING_BACK,
        first_start=now,
        created_at=now,
        held_since=now,
        held_until=end,
        person_id=_person_of(asking, booking, now=now),
        belongs_to_id=booking.id if booking is not None else None,
        lines=[_line(asking)],
    )
    made.what_for = asking.what_for
    db.session.add(made)
    db.session.flush()
    _tell(made, "asked", now=now)
    return made


def _end(asking: Asking, catalogue: Catalogue, *, now: datetime) -> datetime:
    """Return when the last day is over, once all that needs no look into the book is right."""
    if not LEAST_MINOR <= asking.minor <= MOST_MINOR:
        raise AmountOutOfReach
    if asking.vat_bp not in rates_in_use(catalogue):
        raise NoSuchRate
    zone = catalogue.venue.zone
    today = now.astimezone(zone).date()
    if not today <= asking.until <= today + timedelta(days=MOST_DAYS):
        raise BadEnd(days=MOST_DAYS)
    return datetime.combine(asking.until + timedelta(days=1), time.min, zone)


def _booking(reference: str) -> Reservation | None:
    if not reference:
        return None
    wanted = reference.upper().replace(" ", "")
    found = db.session.scalar(
        sa.select(Reservation).where(
            Reservation.reference == wanted, Reservation.person_id.is_not(None)
        )
    )
    if found is None:
        raise NoSuchBooking
    return found


def _person_of(asking: Asking, booking: Reservation | None, *, now: datetime) -> str | None:
    """Return whom is asked: whoever booked, or somebody new."""
    if booking is not None and not (asking.name or asking.email):
        return booking.person_id
    if not (asking.name and asking.email):
        raise NobodyNamed
    person = Person(id=vault().new_person(), created_at=now)
    db.session.add(person)
    db.session.flush()
    person.name, person.email = asking.name, asking.email
    vault().index(person.id, Kind.EMAIL, asking.email)
    db.session.flush()
    return person.id


def _line(asking: Asking) -> ReservationLine:
    label = {}
    for code in LANGUAGES:
        with use_language(code):
            label[code] = gettext("Payment by link")
    return ReservationLine(
        position=0,
        kind="fee",
        # What for is about somebody, and sealed; a line is read by whoever counts money.
        label=label,
        quantity=1,
        unit_minor=asking.minor,
        total_minor=asking.minor,
        vat_bp=asking.vat_bp,
        vat_minor=included_tax(asking.minor, asking.vat_bp),
        nightly=[],
    )


def withdraw(reservation_id: int, *, now: datetime) -> None:
    """Let a link be paid no more, and tell whom was asked; the caller commits.

    Does nothing to one that can't be paid any more. Raises PaidAlready, PaymentComing.
    """
    link = get_for_update(reservation_id)
    if link.kind != ASKED:
        raise ValueError("not a link")
    if link.status == CONFIRMED:
        raise PaidAlready
    if link.status != HELD:
        return
    attempts = db.session.scalars(
        sa.select(Payment).where(Payment.reservation_id == link.id, Payment.state.in_(OPEN))
    ).all()
    if any(attempt.state in (PROCESSING, AUTHORISED) for attempt in attempts):
        raise PaymentComing
    told = is_held(link, now=now)
    if link.person_id is None:  # erased since: nobody is left to be told, or to pay
        link.status, link.released_at = RELEASED, now
    else:
        link.status, link.cancelled_at, link.refund_minor = CANCELLED, now, 0
        if told:
            _tell(link, "asked_withdrawn", now=now)
    for attempt in attempts:
        enqueue("payments.close", {"payment_id": attempt.id}, now=now)
    db.session.flush()


def _tell(link: Reservation, template: str, *, now: datetime) -> None:
    enqueue("mail", {"template": template, "reservation_id": link.id}, now=now)


# -- Looking at them ------------------------------------------------------------------------


def newest(most: int) -> list[Reservation]:
    """Return the links that were made last."""
    query = sa.select(Reservation).where(sa.text("reservation.kind = 'asked'"))
    return list(db.session.scalars(query.order_by(Reservation.id.desc()).limit(most)))


def about(reservation: Reservation) -> list[Reservation]:
    """Return the links that belong to a booking, oldest first."""
    query = (
        sa.select(Reservation)
        .where(Reservation.belongs_to_id == reservation.id)
        .options(selectinload(Reservation.lines))
        .order_by(Reservation.id)
    )
    return list(db.session.scalars(query))


def booking_of(link: Reservation) -> Reservation | None:
    """Return the booking that a link belongs to, if it belongs to one."""
    return db.session.get(Reservation, link.belongs_to_id) if link.belongs_to_id else None


def states_of(links: Collection[Reservation], *, now: datetime) -> dict[int, str]:
    """Return how each link stands, by its id, with one statement."""
    coming = set(
        db.session.scalars(
            sa.select(Payment.reservation_id).where(
                Payment.reservation_id.in_([link.id for link in links]),
                Payment.state.in_((PROCESSING, AUTHORISED)),
            )
        )
    )
    return {link.id: _state(link, link.id in coming, now=now) for link in links}


def _state(link: Reservation, coming: bool, *, now: datetime) -> str:
    if link.status == CONFIRMED:
        return PAID
    if coming:
        return COMING
    if link.status == CANCELLED:
        return WITHDRAWN
    return OPEN_LINK if is_held(link, now=now) else RUN_OUT
