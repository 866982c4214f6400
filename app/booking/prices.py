"""What a basket costs, line by line.

Every price is in minor units of the venue's currency with VAT included, and every
total has all fees and taxes in it. VAT is computed on each line and added up, never on
the sum. What visitors may ask for at all is checked by `booking.checks`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from app.booking.catalogue import (
    Basis,
    Catalogue,
    Extra,
    OfferKind,
    SessionOffer,
    StayOffer,
    Texts,
)
from app.booking.checks import (
    DatesBackwards,
    ExtraNotForThis,
    NightsTooMany,
    NoSuchSession,
    PartyUnclear,
    TooManyExtras,
)
from app.core.money import included_tax

LineKind = Literal["stay", "session", "extra", "fee", "tax"]

# However long the owner lets people stay, nobody's address makes us price ten thousand years.
_NIGHTS_PRICED = 1_000
# Ten years of prices for each offer; after that the memo starts anew.
_NIGHTS_KEPT = 3_660


@dataclass(frozen=True, slots=True)
class StayWish:
    """One unit from `arrive` up to, and without, the night of `depart`."""

    offer: StayOffer
    arrive: date
    depart: date
    adults: int
    children: int = 0
    extras: tuple[tuple[Extra, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SessionWish:
    """Seats at the start at `starts_at` (timezone-aware)."""

    offer: SessionOffer
    starts_at: datetime
    adults: int
    children: int = 0
    extras: tuple[tuple[Extra, int], ...] = ()


Wish = StayWish | SessionWish


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """One thing to pay for.

    `wish` is the wish it belongs to, counted from 0; an extra, a fee or a tax has the
    offer, the dates and the people of that wish. `quantity` is what `unit_minor`
    is paid for: nights, seats, or pieces. `unit_minor` is None where the units differ
    in price, nights by season or adults from children. `label` is the name by language.
    `vat_minor` is included in `total_minor`; `vat_bp` is its rate in basis points.
    """

    kind: LineKind
    wish: int
    offer_id: int | None
    extra_id: int | None
    charge_id: int | None
    label: Mapping[str, str]
    arrive: date | None
    depart: date | None
    starts_at: datetime | None
    ends_at: datetime | None
    adults: int
    children: int
    quantity: int
    unit_minor: int | None
    total_minor: int
    vat_bp: int
    vat_minor: int
    nightly: tuple[tuple[date, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a basket. Its total is the sum of its lines, to the cent.

    `vat_by_rate` has (rate in basis points, VAT included in the total), lowest rate first.
    """

    currency: str
    lines: tuple[QuoteLine, ...]
    total_minor: int
    vat_by_rate: tuple[tuple[int, int], ...]

    @property
    def digest(self) -> str:
        """A short fingerprint of all that is paid for, and of each price.

        A page carries it from what the visitor saw to what they order, so that a change in
        between is shown to them first. Names are left out: a corrected spelling isn't
        another price.
        """
        paid = [
            (
                *(line.kind, line.wish, line.offer_id, line.extra_id, line.charge_id),
                *map(str, (line.arrive, line.depart, line.starts_at, line.ends_at)),
                *(line.adults, line.children, line.quantity, line.unit_minor),
                *(line.total_minor, line.vat_bp, line.vat_minor),
                [(str(night), minor) for night, minor in line.nightly],
            )
            for line in self.lines
        ]
        canonical = json.dumps([self.currency, paid], separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


# --- Fast paths for pages full of prices -------------------------------------------------


def nightly_price(offer: StayOffer, night: date) -> int:
    """Return the price of the night that begins on that date, in minor units."""
    known = offer.nightly.get(night)
    if known is None:
        # The later one of equals: `max` keeps the first it meets.
        rates = (rate for rate in reversed(offer.rates) if rate.covers(night))
        known = max(rates, key=lambda rate: rate.priority).minor
        if len(offer.nightly) >= _NIGHTS_KEPT:
            offer.nightly.clear()
        offer.nightly[night] = known
    return known


def stay_total(
    catalogue: Catalogue,
    offer: StayOffer,
    arrive: date,
    depart: date,
    adults: int,
    children: int,
) -> int:
    """Return what a stay costs with every fee and tax, in minor units.

    The same as the total of its quote, without making the lines: for search results
    and calendars. Raises DatesBackwards, NightsTooMany and PartyUnclear as `quote` does.
    """
    nights = _nights(offer, arrive, depart)
    _check_count(adults, children)
    total = sum(nightly_price(offer, night) for night in _each(arrive, nights))
    for charge in catalogue.charges:
        total += charge.minor * charge.basis.times(nights, adults, children)
    return total


# --- The quote ---------------------------------------------------------------------------


def quote(catalogue: Catalogue, wishes: Sequence[Wish]) -> Quote:
    """Return the price of a basket: for each wish its line, its extras, its fees and taxes.

    It prices what it is given, the owner's exceptions too; what visitors may ask for is
    checked by `check_stay` and `check_session`.

    Raises DatesBackwards, NightsTooMany, PartyUnclear, NoSuchSession, TooManyExtras
    and ExtraNotForThis.
    """
    lines: list[QuoteLine] = []
    for number, wish in enumerate(wishes):
        _check_count(wish.adults, wish.children)
        if isinstance(wish, StayWish):
            lines += _stay_lines(catalogue, number, wish)
        else:
            lines += _session_lines(number, wish)

    vat: dict[int, int] = {}
    for line in lines:
        if line.vat_bp:
            vat[line.vat_bp] = vat.get(line.vat_bp, 0) + line.vat_minor
    return Quote(
        currency=catalogue.venue.currency,
        lines=tuple(lines),
        total_minor=sum(line.total_minor for line in lines),
        vat_by_rate=tuple(sorted(vat.items())),
    )


def _stay_lines(catalogue: Catalogue, number: int, wish: StayWish) -> Iterator[QuoteLine]:
    offer = wish.offer
    nights = _nights(offer, wish.arrive, wish.depart)
    nightly = tuple((day, nightly_price(offer, day)) for day in _each(wish.arrive, nights))
    prices = {minor for _, minor in nightly}
    total = sum(minor for _, minor in nightly)
    about = _About(number, wish.adults, wish.children, nights, offer.id, wish.arrive, wish.depart)
    yield about.line(
        "stay",
        offer.texts,
        offer.vat_bp,
        quantity=nights,
        unit_minor=prices.pop() if len(prices) == 1 else None,
        total_minor=total,
        nightly=nightly,
    )
    yield from _extra_lines(about, "stay", wish.extras)
    for charge in catalogue.charges:
        if quantity := about.times(charge.basis):
            yield about.line(
                charge.kind,
                charge.texts,
                charge.vat_bp,
                charge_id=charge.id,
                quantity=quantity,
                unit_minor=charge.minor,
                total_minor=charge.minor * quantity,
            )


def _session_lines(number: int, wish: SessionWish) -> Iterator[QuoteLine]:
    offer = wish.offer
    occurrence = offer.schedule.at(wish.starts_at)
    if occurrence is None:
        raise NoSuchSession
    about = _About(
        number,
        wish.adults,
        wish.children,
        0,
        offer.id,
        starts_at=occurrence.starts_at,
        ends_at=occurrence.ends_at,
    )
    prices = {
        *([offer.adult_minor] if wish.adults else []),
        *([offer.child_minor] if wish.children else []),
    }
    yield about.line(
        "session",
        offer.texts,
        offer.vat_bp,
        quantity=wish.adults + wish.children,
        unit_minor=prices.pop() if len(prices) == 1 else None,
        total_minor=offer.adult_minor * wish.adults + offer.child_minor * wish.children,
    )
    yield from _extra_lines(about, "session", wish.extras)


def _extra_lines(
    about: "_About", kind: OfferKind, extras: Iterable[tuple[Extra, int]]
) -> Iterator[QuoteLine]:
    # Counted together, so that one extra in two rows doesn't get round its limit.
    counts: dict[int, int] = {}
    chosen: dict[int, Extra] = {}
    for extra, count in extras:
        if not extra.goes_with(kind):
            raise ExtraNotForThis
        chosen[extra.id] = extra
        counts[extra.id] = counts.get(extra.id, 0) + count
        if count < 0 or counts[extra.id] > extra.most:
            raise TooManyExtras(most=extra.most)

    for extra in chosen.values():
        if quantity := counts[extra.id] * about.times(extra.basis):
            yield about.line(
                "extra",
                extra.texts,
                extra.vat_bp,
                extra_id=extra.id,
                quantity=quantity,
                unit_minor=extra.minor,
                total_minor=extra.minor * quantity,
            )


@dataclass(frozen=True, slots=True)
class _About:
    """What all lines of one wish have in common."""

    wish: int
    adults: int
    children: int
    nights: int
    offer_id: int
    arrive: date | None = None
    depart: date | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def times(self, basis: Basis) -> int:
        return basis.times(self.nights, self.adults, self.children)

    def line(
        self,
        kind: LineKind,
        texts: Texts,
        vat_bp: int,
        *,
        quantity: int,
        unit_minor: int | None,
        total_minor: int,
        extra_id: int | None = None,
        charge_id: int | None = None,
        nightly: tuple[tuple[date, int], ...] = (),
    ) -> QuoteLine:
        return QuoteLine(
            kind=kind,
            wish=self.wish,
            offer_id=self.offer_id,
            extra_id=extra_id,
            charge_id=charge_id,
            label={language: written.get("name", "") for language, written in texts.items()},
            arrive=self.arrive,
            depart=self.depart,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            adults=self.adults,
            children=self.children,
            quantity=quantity,
            unit_minor=unit_minor,
            total_minor=total_minor,
            vat_bp=vat_bp,
            vat_minor=included_tax(total_minor, vat_bp),
            nightly=nightly,
        )


def _nights(offer: StayOffer, arrive: date, depart: date) -> int:
    nights = (depart - arrive).days
    if nights < 1:
        raise DatesBackwards
    if nights > _NIGHTS_PRICED:
        raise NightsTooMany(most=offer.nights_most)
    return nights


def _each(arrive: date, nights: int) -> Iterator[date]:
    """Yield the nights of a stay: the dates on which they begin, without the departure."""
    return map(date.fromordinal, range(arrive.toordinal(), arrive.toordinal() + nights))


def _check_count(adults: int, children: int) -> None:
    if adults < 0 or children < 0:
        raise PartyUnclear
