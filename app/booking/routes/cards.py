"""Offers and times as text and in their order, for every page that lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import g, request

from app.booking import wording
from app.booking.availability import FreeSeats, free_seats
from app.booking.catalogue import SessionOffer, StayOffer, text
from app.booking.checks import bookable_until
from app.booking.reads import valid_until
from app.booking.schedule import Occurrence
from app.booking.search import Found
from app.booking.shop import Shop
from app.booking.suggestions import suggested
from app.consent import glances
from app.consent.frame import permission
from app.core.languages import gettext, ngettext
from app.web.cookies import Category
from app.web.links import address
from app.web.pages import money, own_address
from app.web.wishes import readdressed

_ORDER, _NEUTRAL = "order", "neutral"


@dataclass(frozen=True, slots=True)
class Order:
    """In which order a page lists offers, and the address of the same page in the other one.

    `state` is "own" where something was looked at, "neutral" where the visitor turned
    that off for this page, and "" where there is nothing to say.
    """

    looked_at: Sequence[str] = ()
    state: str = ""
    other_url: str = ""

    def of(self, offers: Sequence[StayOffer | SessionOffer]) -> list[StayOffer | SessionOffer]:
        """Return offers in this order."""
        return suggested(offers, self.looked_at, lambda offer: offer.slug)

    def of_found(self, found: Sequence[Found]) -> list[Found]:
        """Return what was found in this order; what is free stays before what isn't."""
        return suggested(
            found,
            self.looked_at,
            lambda one: one.offer.slug,
            lambda one: (not one.left, not one.others),
        )


def present_order(here: Shop, *, now: datetime) -> Order:
    """Return the order of the page at hand: the house's own, unless suggestions are allowed."""
    allowed = permission(Category.SUGGESTIONS)
    if allowed is None:
        return Order()
    here_url = own_address()
    if request.args.get(_ORDER) == _NEUTRAL:
        return Order((), "neutral", readdressed(here_url, {}, (_ORDER,)))
    on_offer = {slug for slug, offer in here.catalogue.offers_by_slug.items() if offer.on_sale}
    looked_at = [one for one in glances.looked_at(allowed, now=now) if one in on_offer]
    neutral = readdressed(here_url, {_ORDER: _NEUTRAL}, (_ORDER,))
    return Order(looked_at, "own" if looked_at else "", neutral)


@dataclass(frozen=True, slots=True)
class Card:
    """An offer as a card on the first page."""

    name: str
    summary: str
    picture: str
    alt: str
    url: str
    price: str
    unit: str


def card(here: Shop, offer: StayOffer | SessionOffer) -> Card:
    """Return an offer as a card, with the least that it can cost, everything included."""
    currency = here.venue.currency
    if isinstance(offer, StayOffer):
        nights, adults = offer.nights_least, min(2, offer.adults_most)
        least = nights * min(rate.minor for rate in offer.rates) + sum(
            charge.minor * charge.basis.times(nights, adults, 0)
            for charge in here.catalogue.charges
        )
        price = gettext("from %(price)s", price=money(least, currency))
        unit = gettext(
            "%(nights)s, %(party)s, everything included",
            nights=wording.nights(nights),
            party=wording.party(adults, 0),
        )
    else:
        price, unit = money(offer.adult_minor, currency), gettext("for each adult")
    return Card(
        text(offer.texts, "name"),
        text(offer.texts, "summary"),
        offer.picture,
        text(offer.texts, "alt"),
        address("booking.offer", slug=offer.slug),
        price,
        unit,
    )


def page_address(offer: StayOffer | SessionOffer, **more: Any) -> str:
    """Return the address of an offer's page; of its preview, where the house looks at one."""
    endpoint, values = g.get("preview") or ("booking.offer", {"slug": offer.slug})
    return address(endpoint, **values, **more)


@dataclass(frozen=True, slots=True)
class Start:
    """One session of a day, as text."""

    name: str
    time: str
    iso: str
    price: str
    seats: str
    full: bool
    url: str


def sessions_by_day(
    here: Shop, offers: Sequence[SessionOffer], first: date, last: date, *, now: datetime
) -> list[tuple[str, list[Start]]]:
    """Return the sessions of some days, by day, with what is left of each.

    None that lies further ahead than can be booked.
    """
    today = now.astimezone(here.venue.zone).date()
    last = min(last, bookable_until(here.venue, today))
    occurrences = sorted(
        (
            (occurrence, offer)
            for offer in offers
            for occurrence in offer.schedule.occurrences(first, last)
            if not offer.closed_on(occurrence.local.date())
        ),
        key=lambda pair: pair[0].starts_at,
    )
    if not occurrences:
        return []
    seats = free_seats(
        offers,
        occurrences[0][0].starts_at,
        occurrences[-1][0].starts_at + timedelta(seconds=1),
        now=now,
    )
    days: dict[str, list[Start]] = {}
    for occurrence, offer in occurrences:
        start = _start(here, offer, occurrence, seats, now=now)
        if start is not None:
            days.setdefault(wording.full_day(occurrence.local.date()), []).append(start)
    return list(days.items())


def _start(
    here: Shop, offer: SessionOffer, occurrence: Occurrence, seats: FreeSeats, *, now: datetime
) -> Start | None:
    """Return a session as text, or None where it is too late for it."""
    starts_at = occurrence.starts_at
    closes = starts_at - timedelta(minutes=offer.cutoff_minutes)
    if closes <= now:
        return None
    valid_until(closes)
    left = seats.at(offer, starts_at)
    iso = starts_at.isoformat()
    return Start(
        text(offer.texts, "name"),
        wording.clock(starts_at, here.venue.zone),
        iso,
        money(offer.adult_minor, here.venue.currency),
        ngettext("%(num)d seat left", "%(num)d seats left", left)
        if left > 0
        else gettext("fully booked"),
        left <= 0,
        page_address(
            offer,
            month=f"{occurrence.local:%Y-%m}",
            starts_at=iso,
            _anchor="book",
        ),
    )
