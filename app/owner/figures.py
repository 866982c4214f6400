"""The figures of the house: what was sold of what could be, month by month.

What counts: confirmed reservations, and of them each night in the month in which it is
slept. Holds, released and cancelled reservations don't count; somebody who never came but
was never cancelled does. Prices are as the guest saw them, VAT included. Bookings
themselves (how long before, how they came, whether they were cancelled) count in the month
in which they begin. Months are those of the place.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from app.booking.catalogue import Catalogue
from app.owner import figures_queries as book
from app.owner.figures_queries import Months, days_of, first_day, month_of
from app.owner.figures_sums import Sums, summed

YEAR = 12


@dataclass(frozen=True, slots=True)
class OfferFigures:
    """One offer: its sums by month, and of all those months, beside those of a year before.

    Bookings are counted for the house or for one offer, so here there are none.
    """

    slug: str
    kind: str
    texts: dict[str, Any]
    now: tuple[Sums | None, ...]
    then: tuple[Sums | None, ...]
    total: Sums
    total_then: Sums


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of `months`, of the house or one offer, beside those of a year before.

    A month in which there was nothing to sell yet has None. `reach` are the first and the
    last month of which anything is known, of all offers. `foreign` are nights sold in another
    currency than `currency`: they are in the occupancy, and in no amount.
    """

    currency: str
    months: tuple[date, ...]
    now: tuple[Sums | None, ...]
    then: tuple[Sums | None, ...]
    total: Sums
    total_then: Sums | None
    offers: tuple[OfferFigures, ...]
    reach: tuple[int, int] | None
    choices: tuple[tuple[str, dict[str, Any]], ...]  # slug and texts of every offer

    @property
    def foreign(self) -> int:
        """Nights of these months that were sold in another currency."""
        return self.total.sold - self.total.priced


_Table = defaultdict[tuple[int, int], Sums]  # by offer and month


def figures(catalogue: Catalogue, months: Months, *, slug: str = "") -> Figures:
    """Return the figures of some months: of the house, or of the offer of a slug.

    A dozen statements, however large the book is. Raises KeyError for an offer that isn't.
    """
    known = book.offers()
    chosen = {row.slug: row.id for row in known}[slug] if slug else None
    wide = Months(months.first - YEAR, months.end, months.zone)
    by_offer: _Table = defaultdict(Sums)
    currency = catalogue.venue.currency
    _count_stays(by_offer, wide, currency)
    reach = _count_available(by_offer, known, wide)
    reach |= _count_seats(by_offer, catalogue, wide, currency)

    by_month: defaultdict[int, Sums] = defaultdict(Sums)
    for (offer_id, month), sums in by_offer.items():
        if chosen in (None, offer_id):
            by_month[month].add(sums)
    _count_bookings(by_month, wide, chosen)
    if chosen is None:
        for row in book.extras(wide, currency):
            by_month[_month(row)].extras_minor += int(row.minor)

    numbers = range(months.first, months.end)
    since = min((first for id_, (first, _) in reach.items() if chosen in (None, id_)), default=None)
    now, then = _beside(by_month, numbers, since)
    return Figures(
        currency=currency,
        months=tuple(map(first_day, numbers)),
        now=now,
        then=then,
        total=summed(now),
        total_then=summed(then) if any(then) else None,
        offers=tuple(
            _of_offer(row, by_offer, numbers, reach.get(row.id, (None,))[0])
            for row in known
            if (row.on_sale or row.id in reach) and chosen in (None, row.id)
        ),
        reach=(min(first for first, _ in reach.values()), max(last for _, last in reach.values()))
        if reach
        else None,
        choices=tuple((row.slug, row.texts) for row in known if row.on_sale or row.id in reach),
    )


def _beside(
    sums: dict[int, Sums], numbers: Sequence[int], since: int | None
) -> tuple[tuple[Sums | None, ...], tuple[Sums | None, ...]]:
    """Return the sums of months, and of those a year before; None for those before `since`."""
    now, then = (
        tuple(
            sums.get(number - back, Sums())
            if since is not None and number - back >= since
            else None
            for number in numbers
        )
        for back in (0, YEAR)
    )
    return now, then


def _of_offer(row: Any, table: _Table, numbers: Sequence[int], since: int | None) -> OfferFigures:
    own = {month: sums for (offer_id, month), sums in table.items() if offer_id == row.id}
    now, then = _beside(own, numbers, since)
    return OfferFigures(row.slug, row.kind, row.texts, now, then, summed(now), summed(then))


def _month(row: Any) -> int:
    """Return the number of the month that a row says as "2031-06"."""
    return int(row.month[:4]) * 12 + int(row.month[5:]) - 1


# -- Counting ---------------------------------------------------------------------------------


def _count_stays(table: _Table, months: Months, currency: str) -> None:
    """Count nights sold, their prices, and stays by their nights."""
    for row in book.stays_in_a_month(months, currency):
        sums, nights = table[row.offer_id, _month(row)], row.nights * row.stays
        sums.sold += nights
        sums.lengths[row.nights] += row.stays
        if row.ours:
            sums.priced += nights
            sums.minor += int(row.minor)
    for row in book.stays_across_months(months, currency):
        table[row.offer_id, month_of(row.arrive)].lengths[row.nights] += 1
        for month, nights, minor in _by_month(row):
            sums = table[row.offer_id, month]
            sums.sold += nights
            if row.ours:
                sums.priced += nights
                sums.minor += minor


def _by_month(stay: Any) -> Iterator[tuple[int, int, int]]:
    """Yield the months of a stay with its nights and their price in each."""
    if stay.nightly is not None:
        for night, minor in stay.nightly:
            # Written by us as "2031-06-30"; to make a date of each takes ten times as long.
            yield int(night[:4]) * 12 + int(night[5:7]) - 1, 1, minor
        return
    night, depart = stay.arrive, stay.arrive + timedelta(days=stay.nights)
    while night < depart:
        month = month_of(night)
        until = min(first_day(month + 1), depart)
        nights = (until - night).days
        yield month, nights, nights * stay.each
        night = until


def _count_available(
    table: _Table, known: Sequence[Any], months: Months
) -> dict[int, tuple[int, int]]:
    """Count nights that could be sold; return each offer's first and last month that is known.

    A counter keeps how many units there were when its night was first booked, and where
    there is none, it is as many as today. What is no longer on sale counts up to its
    last counter.
    """
    reach = {row.offer_id: (month_of(row.first), month_of(row.last)) for row in book.known_nights()}
    capacity: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for row in book.other_capacities(months):
        capacity[row.offer_id][row.night] = row.capacity
    kept, closed = _kept_back(months)
    for offer in known:
        if offer.kind != "stay" or offer.id not in reach:
            continue
        since, last = reach[offer.id]
        until = months.end if offer.on_sale else min(months.end, last + 1)
        for month in range(max(months.first, since), until):
            days = (first_day(month + 1) - first_day(month)).days
            table[offer.id, month].available += days * offer.units
        for night, units in capacity[offer.id].items():
            table[offer.id, month_of(night)].available += units - offer.units
        for night in {*kept[offer.id], *closed[offer.id]}:
            if since <= month_of(night) < until:
                there = capacity[offer.id].get(night, offer.units)
                slept = closed[offer.id].get(night)
                back = min(kept[offer.id][night], there) if slept is None else there - slept
                table[offer.id, month_of(night)].available -= back
    return reach


def _kept_back(
    months: Months,
) -> tuple[defaultdict[int, Counter[date]], defaultdict[int, dict[date, int]]]:
    """Return by offer how many units are blocked a night, and how many are slept in when closed.

    Where somebody sleeps on a closed day (they booked before it was closed), their unit
    could be sold; the others couldn't.
    """
    kept: defaultdict[int, Counter[date]] = defaultdict(Counter)
    closed: defaultdict[int, dict[date, int]] = defaultdict(dict)
    for row in book.blocks(months):
        kept[row.offer_id].update(days_of(row.first, row.until, months))
    rows = book.closed(months)
    for row in rows:
        closed[row.offer_id].update(dict.fromkeys(days_of(row.first, row.until, months), 0))
    for row in book.stays_on_closed_days(months) if rows else ():
        for day in days_of(row.arrive, row.depart, months):
            if day in closed[row.offer_id]:
                closed[row.offer_id][day] += 1
    return kept, closed


def _count_seats(
    table: _Table, catalogue: Catalogue, months: Months, currency: str
) -> dict[int, tuple[int, int]]:
    """Count seats sold and offered; return each offer's first and last month that is known.

    Offered are those of each start of today's timetable, and of each that was ever booked:
    what the timetable was before isn't kept.
    """
    sold = book.seats_sold(months, currency)
    for row in sold:
        sums = table[row.offer_id, _month_at(row.starts_at, months)]
        sums.seats_sold += int(row.seats)
        sums.seats_minor += int(row.minor)
    closed = {
        (row.offer_id, day)
        for row in book.closed(months)
        for day in days_of(row.first, row.until, months)
    }
    reach = {
        row.offer_id: (_month_at(row.first, months), _month_at(row.last, months))
        for row in book.known_starts()
    }
    capacity = {(row.offer_id, row.starts_at): row.capacity for row in book.counted_starts(months)}
    for offer in catalogue.sessions:
        since, _ = reach.get(offer.id, (months.end, 0))
        for month in range(max(months.first, since), months.end):
            last = first_day(month + 1) - timedelta(days=1)
            for one in offer.schedule.occurrences(first_day(month), last):
                if (offer.id, one.local.date()) not in closed:
                    capacity.setdefault((offer.id, one.starts_at), offer.seats)
    taken = {(row.offer_id, row.starts_at): int(row.seats) for row in sold}
    for (offer_id, starts_at), seats in capacity.items():
        # A start that nobody came to on a day that was closed later wasn't offered.
        day = starts_at.astimezone(months.zone).date()
        offered = taken.get((offer_id, starts_at), 0) if (offer_id, day) in closed else seats
        table[offer_id, month_of(day)].seats += offered
    return reach


def _month_at(instant: datetime, months: Months) -> int:
    return month_of(instant.astimezone(months.zone).date())


# -- Bookings -----------------------------------------------------------------------------------


def _count_bookings(by_month: defaultdict[int, Sums], months: Months, offer_id: int | None) -> None:
    """Count bookings and cancellations, by the days that they were ahead."""
    for row in book.bookings(months, offer_id):
        sums = by_month[_month(row)]
        sums.before[row.days] += row.bookings
        sums.sources[row.source] += row.bookings
    for row in book.cancellations(months, offer_id):
        by_month[_month(row)].cancelled[row.days] += row.bookings
