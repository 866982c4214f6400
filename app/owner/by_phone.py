"""Reservations that the house makes: for who calls, writes, or stands at the door.

The same prices and the same places as on the site. The house may go beyond what visitors are
held to (a session that is about to begin, fewer nights), and is told where it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa

from app.booking.catalogue import Catalogue, Extra, SessionOffer, StayOffer
from app.booking.checks import (
    ClosedThen,
    DateTooFar,
    NightsTooFew,
    NightsTooMany,
    SessionClosed,
    check_session,
    check_stay,
)
from app.booking.details import put_details
from app.booking.holds import hold, new_reference
from app.booking.models import Reservation
from app.booking.prices import Quote, SessionWish, StayWish, Wish
from app.booking.reservations import confirm, extend_hold, get_for_update
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue
from app.payments.plan import at_six

PHONE, WALK_IN = "phone", "walk_in"
AT_PLACE, LINK = "at_place", "link"
"""How it is paid: at the place, or by a link that is open until a day."""

LINK_MOST: Final = timedelta(days=14)
"""So long places are kept for somebody who hasn't paid."""

_BEYOND = (NightsTooFew, NightsTooMany, DateTooFar, SessionClosed, ClosedThen)
_NIGHTS_MOST = 365
_MONTHS_AHEAD = 60


class BadHoldDay(DomainError):
    """A day to pay by that has passed, is too far off, or after the first day booked."""

    message = N_("Please choose a day before it begins, from today on and at most two weeks ahead.")


class AddressNeeded(DomainError):
    """A link to pay, and no address that it could go to."""

    message = N_("The link to pay goes by mail, so please ask for an e-mail address.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody on the telephone asks for: nights of a stay, or seats of a session."""

    offer: StayOffer | SessionOffer
    adults: int
    children: int
    arrive: date | None = None
    depart: date | None = None
    starts_at: datetime | None = None
    extras: tuple[tuple[Extra, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """How it is made and paid. `until`: the day by which a link is to be used."""

    source: str
    pays: str
    until: date | None = None


def check(asked: Asked, catalogue: Catalogue, *, now: datetime) -> tuple[Wish, str]:
    """Return what is asked for as a wish, and what it goes beyond as a sentence, or "".

    Beds, seats and days that have passed bind the house as well. Raises what `check_stay`
    and `check_session` refuse for those.
    """
    try:
        return _strict(asked, catalogue, now=now), ""
    except _BEYOND as error:
        return _strict(_widened(asked), _far(catalogue), now=now), error.say()


def _strict(asked: Asked, catalogue: Catalogue, *, now: datetime) -> Wish:
    offer, venue, party = asked.offer, catalogue.venue, (asked.adults, asked.children)
    if isinstance(offer, StayOffer):
        assert asked.arrive is not None
        assert asked.depart is not None
        today = now.astimezone(venue.zone).date()
        check_stay(offer, venue, asked.arrive, asked.depart, *party, today=today)
        own = catalogue.stays_by_id[offer.id]
        return StayWish(own, asked.arrive, asked.depart, *party, asked.extras)
    assert asked.starts_at is not None
    check_session(offer, venue, asked.starts_at, *party, now=now)
    return SessionWish(catalogue.sessions_by_id[offer.id], asked.starts_at, *party, asked.extras)


def _widened(asked: Asked) -> Asked:
    """Return the same with an offer that has no limits but its beds, seats and times."""
    offer = asked.offer
    if isinstance(offer, StayOffer):
        wide: StayOffer | SessionOffer = replace(
            offer, nights_least=1, nights_most=_NIGHTS_MOST, closed=()
        )
    else:
        # Until it is over: who comes late to the sauna may still come.
        wide = replace(offer, cutoff_minutes=-offer.minutes, closed=())
    return replace(asked, offer=wide)


def _far(catalogue: Catalogue) -> Catalogue:
    venue = replace(catalogue.venue, months_ahead=_MONTHS_AHEAD)
    return replace(catalogue, venue=venue)


def make(
    catalogue: Catalogue,
    priced: Quote,
    values: dict[str, Any],
    terms: Terms,
    *,
    language: str,
    form_id: str,
    now: datetime,
) -> tuple[Reservation, bool]:
    """Make a reservation for somebody; return it, and whether it was made just now.

    `values` are those of DetailsForm.person_values, with or without an address. The same
    `form_id` makes one reservation, however often. Terms are agreed to by the guest alone,
    at the link that their mail has. The caller commits. Raises PlacesTaken with nothing
    written, BadHoldDay, AddressNeeded.
    """
    reference = new_reference(sha256(f"by phone {form_id}".encode()).digest()[:8])
    known = db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))
    if known is not None:
        return known, False
    if terms.pays == LINK and not values["email"]:
        raise AddressNeeded
    held = hold(catalogue, priced, language=language, now=now, reference=reference)
    reservation = get_for_update(held.reservation_id)
    until = _until(terms, catalogue, reservation, now=now) if terms.pays == LINK else None
    reservation.source = terms.source
    put_details(reservation, values, now=now, agreed=False)
    if until is not None:
        extend_hold(reservation, until=until, now=now)
        enqueue("mail", {"template": "pay_link", "reservation_id": reservation.id}, now=now)
    else:
        confirm(reservation, now=now)
    return reservation, True


def _until(
    terms: Terms, catalogue: Catalogue, reservation: Reservation, *, now: datetime
) -> datetime:
    """Return until when places are held for a link. Raises BadHoldDay."""
    zone = catalogue.venue.zone
    if terms.until is None:
        raise BadHoldDay
    until = min(at_six(terms.until, zone), reservation.first_start)
    last = now.astimezone(zone).date() + LINK_MOST
    if until <= now or terms.until > last:
        raise BadHoldDay
    return until


def times_on(offer: SessionOffer, day: date, *, now: datetime) -> Sequence[datetime]:
    """Return when a session starts on a day, those left out that are over."""
    return [one.starts_at for one in offer.schedule.occurrences(day, day) if one.ends_at > now]
