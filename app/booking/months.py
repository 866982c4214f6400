"""The month of an offer as rows of cells, ready to be written down: nothing is worked
out in the template, so sixty cells cost what sixty lines of text cost."""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from app.booking import wording
from app.booking.availability import free_nights
from app.booking.catalogue import Catalogue, StayOffer
from app.booking.checks import bookable_until
from app.booking.inventory import ONE_NIGHT
from app.booking.prices import nightly_price
from app.core.languages import current_locale, gettext
from app.core.money import short_money

# "2 left" is said of nights that have so many units or fewer.
FEW = 2


class Cell(NamedTuple):
    """One day of the calendar."""

    day: int
    iso: str
    full: str
    state: str
    price: str
    note: str
    url: str | None


class Turn(NamedTuple):
    """A link to the month before or after."""

    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Month:
    """A month of an offer."""

    title: str
    previous: Turn | None
    next: Turn | None
    weekdays: tuple[tuple[str, str], ...]
    weeks: list[list[Cell | None]]
    free_arrivals: list[tuple[str, str]]  # (text, address) of days on which one may arrive


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the visitor chose so far."""

    arrive: date | None
    depart: date | None


def parse_month(text: str, *, today: date) -> date:
    """Return the first day of the month "YYYY-MM"; this month's for anything else or past."""
    this = today.replace(day=1)
    try:
        year, month = text.split("-")
        asked = date(int(year[:4]), int(month[:2]), 1)
    except ValueError:
        return this
    return max(this, asked)


def month_after(first: date) -> date:
    """Return the first day of the next month."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def month_before(first: date) -> date:
    """Return the first day of the month before."""
    return (first - ONE_NIGHT).replace(day=1)


def short_price(minor: int, currency: str) -> str:
    """Return a price without its cents where there are none: it has to fit a phone's column."""
    text = short_money(minor, currency, current_locale())
    # An ordinary space may break: "EUR 119" is wider than the column.
    return text.replace("\u00a0", " ") if currency in text else text


def make_month(
    catalogue: Catalogue,
    offer: StayOffer,
    first: date,
    chosen: Chosen,
    *,
    now: datetime,
    link: Callable[[dict[str, str]], str],
) -> Month:
    """Return the month that begins on `first`; reads the counters with one statement.

    `link` makes the address of the same page with other choices.
    """
    today = now.astimezone(catalogue.venue.zone).date()
    until = bookable_until(catalogue.venue, today)
    first = min(first, until.replace(day=1))
    length = monthrange(first.year, first.month)[1]
    free = free_nights((offer,), first, first + ONE_NIGHT * length, now=now)
    few, full, closed = gettext("%(num)d left"), gettext("full"), gettext("closed")
    currency = catalogue.venue.currency

    cells: list[Cell | None] = [None] * first.weekday()
    arrivals: list[tuple[str, str]] = []
    for offset in range(length):
        night = first + ONE_NIGHT * offset
        left = free.on(offer, night)
        state, note, url, price = "free", "", None, ""
        if night < today:
            state = "past"
        elif night >= until:
            state = "outside"
        else:
            price = short_price(nightly_price(offer, night), currency)
            if left <= 0:
                state, note, price = "full", closed if offer.closed_on(night) else full, ""
            elif left <= FEW < offer.units:
                state, note = "few", few % {"num": left}
        choice = _choice(night, chosen, left > 0 and state in ("free", "few"))
        if choice:
            url = link({"month": f"{first:%Y-%m}", **choice})
            if "depart" not in choice:
                arrivals.append((wording.full_day(night), url))
        state = _mark(night, chosen) or state
        cells.append(
            Cell(night.day, "", wording.full_day(night) if url else "", state, price, note, url)
        )
    cells += [None] * (-len(cells) % 7)
    return Month(
        wording.month_title(first),
        _turn(month_before(first), link, chosen) if first > today.replace(day=1) else None,
        _turn(month_after(first), link, chosen) if month_after(first) < until else None,
        wording.weekdays(),
        [cells[i : i + 7] for i in range(0, len(cells), 7)],
        arrivals,
    )


def _choice(day: date, chosen: Chosen, free: bool) -> dict[str, str] | None:
    """What choosing a day means: the arrival first, then the departure."""
    if chosen.arrive and not chosen.depart and day > chosen.arrive:
        return {"arrive": chosen.arrive.isoformat(), "depart": day.isoformat()}
    return {"arrive": day.isoformat()} if free else None


def _mark(day: date, chosen: Chosen) -> str:
    if chosen.arrive == day:
        return "arrive"
    if chosen.arrive and chosen.depart and chosen.arrive < day <= chosen.depart:
        return "depart" if day == chosen.depart else "between"
    return ""


def _turn(first: date, link: Callable[[dict[str, str]], str], chosen: Chosen) -> Turn:
    kept = {"month": f"{first:%Y-%m}"}
    if chosen.arrive:
        kept["arrive"] = chosen.arrive.isoformat()
    if chosen.depart:
        kept["depart"] = chosen.depart.isoformat()
    return Turn(link(kept), wording.month_title(first))
