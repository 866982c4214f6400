"""Finding: what is free, what is nearly free, and never a dead end.

Everything is worked out from one read of the counters around the dates asked
for, so a search costs the same whether it finds or has to suggest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.booking.availability import FreeNights, free_nights
from app.booking.catalogue import Catalogue, StayOffer
from app.booking.checks import PartyTooLarge, bookable_until, check_stay
from app.booking.inventory import ONE_NIGHT
from app.booking.prices import stay_total
from app.core.errors import DomainError

# How far around the dates asked for a neighbour is looked for; further ahead if nothing is near.
NEAR = timedelta(days=10)
FAR = timedelta(days=90)
MOST_OTHERS = 3


@dataclass(frozen=True, slots=True)
class Dates:
    """Nights that are free, and what they cost with everything in it, in minor units."""

    arrive: date
    depart: date
    total_minor: int


@dataclass(frozen=True, slots=True)
class Found:
    """One offer's answer to a search.

    `left` units are free for the dates asked for. Where there are none,
    `others` are the nearest dates that are; `refusal` says why the offer
    doesn't suit at all.
    """

    offer: StayOffer
    left: int
    total_minor: int | None
    others: tuple[Dates, ...]
    refusal: DomainError | None


def search_stays(
    catalogue: Catalogue,
    arrive: date,
    depart: date,
    adults: int,
    children: int,
    *,
    now: datetime,
) -> list[Found]:
    """Answer a search for every stay offer: what is free first, then what is nearly so."""
    today = now.astimezone(catalogue.venue.zone).date()
    # Dates come from an address that anybody can write: never read years of nights.
    last = min(depart, arrive + timedelta(days=400)) + FAR
    free = free_nights(catalogue.stays_on_sale, max(today, arrive - NEAR), last, now=now)
    wanted = _Wanted(catalogue, free, arrive, depart, adults, children, today)
    found = [wanted.answer(offer) for offer in catalogue.stays_on_sale]
    return sorted(found, key=lambda f: (not f.left, not f.others, f.offer.position))


@dataclass(frozen=True, slots=True)
class _Wanted:
    catalogue: Catalogue
    free: FreeNights
    arrive: date
    depart: date
    adults: int
    children: int
    today: date

    def answer(self, offer: StayOffer) -> Found:
        refusal = self.refusal(offer, self.arrive, self.depart)
        if isinstance(refusal, PartyTooLarge):
            return Found(offer, 0, None, (), refusal)
        if refusal is None and (left := self.free.through(offer, self.arrive, self.depart)):
            return Found(offer, left, self.total(offer, self.arrive, self.depart), (), None)
        return Found(offer, 0, None, self.others(offer), refusal)

    def others(self, offer: StayOffer) -> tuple[Dates, ...]:
        """The nearest dates of the same length, or the longest part of the dates asked for."""
        dates: list[Dates] = []
        for arrive, depart in self.candidates(offer):
            if self.refusal(offer, arrive, depart) is None and self.free.through(
                offer, arrive, depart
            ):
                dates.append(Dates(arrive, depart, self.total(offer, arrive, depart)))
            if len(dates) == MOST_OTHERS:
                break
        return tuple(sorted(dates, key=lambda d: d.arrive))

    def candidates(self, offer: StayOffer) -> Iterator[tuple[date, date]]:
        length = min(max((self.depart - self.arrive).days, offer.nights_least), offer.nights_most)
        start = max(self.arrive, self.today)
        yield start, start + ONE_NIGHT * length
        for shift in range(1, NEAR.days + 1):
            for near in (start - ONE_NIGHT * shift, start + ONE_NIGHT * shift):
                yield near, near + ONE_NIGHT * length
        for shorter in range(length - 1, offer.nights_least - 1, -1):
            for offset in range(length - shorter + 1):
                begin = start + ONE_NIGHT * offset
                yield begin, begin + ONE_NIGHT * shorter
        for shift in range(NEAR.days + 1, FAR.days):
            far = start + ONE_NIGHT * shift
            yield far, far + ONE_NIGHT * length
        until = bookable_until(self.catalogue.venue, self.today)
        yield until - ONE_NIGHT * length, until

    def refusal(self, offer: StayOffer, arrive: date, depart: date) -> DomainError | None:
        try:
            check_stay(
                offer,
                self.catalogue.venue,
                arrive,
                depart,
                self.adults,
                self.children,
                today=self.today,
            )
        except DomainError as refusal:
            return refusal
        return None

    def total(self, offer: StayOffer, arrive: date, depart: date) -> int:
        return stay_total(self.catalogue, offer, arrive, depart, self.adults, self.children)
