"""What a changed stay or session would be, and cost: worked out from lines, nothing written.

A wish's new price is that of today's catalogue, its extras, fees and taxes with it; or the
owner keeps the old one, and the lines keep their sums. What isn't offered any more, an
extra or a discount, stays as it was agreed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import cast

from app.booking.baskets import OfferGone
from app.booking.catalogue import (
    Catalogue,
    Extra,
    OfferKind,
    SessionOffer,
    StayOffer,
    Venue,
)
from app.booking.checks import (
    DateInPast,
    DatesBackwards,
    NightsTooMany,
    NoAdult,
    NoSuchSession,
    PartyUnclear,
    SessionClosed,
    refuse_after_the_end,
)
from app.booking.inventory import ONE_NIGHT
from app.booking.models import ReservationLine
from app.booking.prices import LineKind, Quote, QuoteLine, SessionWish, StayWish, Wish, quote
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.money import included_tax

ANEW, KEPT = "anew", "kept"
"""What is asked for after a change: the price of today's catalogue, or the old one."""

MOST_NIGHTS = 366


class StayOver(DomainError):
    """The stay or session lies in the past; the books keep it as it was."""

    message = N_("This is over, and stays in the books as it was.")


class TheyAreHere(DomainError):
    """Who is in the house has arrived when they did, in what they did."""

    message = N_(
        "They are in the house. They can stay longer, leave earlier or get another room of "
        "the same kind; the day they came stays as it is."
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to be different; None leaves it as it is. `unit_id`: that very room."""

    arrive: date | None = None
    depart: date | None = None
    offer_id: int | None = None
    unit_id: int | None = None
    starts_at: datetime | None = None
    adults: int | None = None
    children: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A stay or a session as it would be."""

    kind: str
    offer_id: int
    arrive: date | None
    depart: date | None
    starts_at: datetime | None
    ends_at: datetime | None
    adults: int
    children: int
    unit_id: int | None

    @property
    def quantity(self) -> int:
        """Nights of one unit, or seats."""
        if self.arrive and self.depart:
            return (self.depart - self.arrive).days
        return self.adults + self.children


@dataclass(frozen=True, slots=True)
class Draft:
    """The lines of a changed wish: (id of the line it was, or None; what it becomes)."""

    lines: tuple[tuple[int | None, QuoteLine], ...]
    dropped: tuple[int, ...]
    before_minor: int
    after_minor: int

    @property
    def difference_minor(self) -> int:
        """By how much the price moves, in minor units; less than nothing where it falls."""
        return self.after_minor - self.before_minor


def present(line: ReservationLine) -> Target:
    """Return a stay or session as it is."""
    return Target(
        line.kind, line.offer_id or 0, line.arrive, line.depart, line.starts_at, line.ends_at,
        line.adults, line.children, None,
    )  # fmt: skip


def nights_of(line: ReservationLine) -> set[date]:
    """Return the nights of a stay."""
    assert line.arrive
    assert line.depart
    return set(nights(line.arrive, line.depart))


def nights(first: date, until: date) -> list[date]:
    """Return the nights of [first, until), in order."""
    return [first + ONE_NIGHT * n for n in range((until - first).days)]


# -- What is wanted -------------------------------------------------------------------------


def target_of(
    line: ReservationLine, change: Change, catalogue: Catalogue, *, now: datetime
) -> Target:
    """Return a stay or session as it would be.

    The house may make exceptions from what visitors can book, not from the calendar.
    Raises DatesBackwards, DateInPast, NightsTooMany, NoAdult, PartyUnclear, StayOver,
    TheyAreHere, NoSuchSession, SessionClosed and OfferGone.
    """
    adults = line.adults if change.adults is None else change.adults
    children = line.children if change.children is None else change.children
    if adults < 1:
        raise NoAdult
    if children < 0:
        raise PartyUnclear
    if line.kind == "stay":
        return _stay_target(line, change, adults, children, catalogue, now=now)
    return _session_target(line, change, adults, children, catalogue, now=now)


def _stay_target(
    line: ReservationLine,
    change: Change,
    adults: int,
    children: int,
    catalogue: Catalogue,
    *,
    now: datetime,
) -> Target:
    today = now.astimezone(catalogue.venue.zone).date()
    assert line.arrive
    assert line.depart
    assert line.offer_id
    arrive, depart = change.arrive or line.arrive, change.depart or line.depart
    if line.depart < today:
        raise StayOver
    if depart <= arrive:
        raise DatesBackwards
    if (depart - arrive).days > MOST_NIGHTS:
        raise NightsTooMany(most=MOST_NIGHTS)
    offer_id = change.offer_id or line.offer_id
    if (arrive, offer_id) != (line.arrive, line.offer_id):
        if line.arrive < today or line.arrived_at is not None:
            raise TheyAreHere
        if arrive < today:
            raise DateInPast
        if offer_id != line.offer_id and offer_id not in catalogue.stays_by_id:
            raise OfferGone
    if depart != line.depart and depart < today:
        raise DateInPast
    if depart > line.depart:
        refuse_after_the_end(catalogue.venue, depart)
    return Target(
        "stay", offer_id, arrive, depart, None, None, adults, children, change.unit_id
    )  # fmt: skip


def _session_target(
    line: ReservationLine,
    change: Change,
    adults: int,
    children: int,
    catalogue: Catalogue,
    *,
    now: datetime,
) -> Target:
    assert line.starts_at
    assert line.ends_at
    assert line.offer_id
    if line.starts_at <= now:
        raise StayOver
    starts_at, ends_at = line.starts_at, line.ends_at
    if change.starts_at is not None and change.starts_at != starts_at:
        offer = catalogue.sessions_by_id.get(line.offer_id)
        if offer is None:
            raise OfferGone
        occurrence = offer.schedule.at(change.starts_at)
        if occurrence is None:
            raise NoSuchSession
        if occurrence.starts_at <= now.astimezone(UTC):
            raise SessionClosed
        refuse_after_the_end(catalogue.venue, occurrence.local.date())
        starts_at, ends_at = occurrence.starts_at, occurrence.ends_at
    return Target(
        "session", line.offer_id, None, None, starts_at, ends_at, adults, children, None
    )  # fmt: skip


# -- What it costs --------------------------------------------------------------------------


def draft(
    catalogue: Catalogue,
    lines: Sequence[ReservationLine],
    line: ReservationLine,
    target: Target,
    price: str,
) -> Draft:
    """Return the lines of a reservation's wish as they would be; `lines` are all of its own.

    Raises OfferGone where a price of today is asked of what isn't offered any more, and
    what `quote` refuses.
    """
    old = [one for one in lines if one.wish == line.wish]
    before = sum(one.total_minor for one in old)
    if price == KEPT:
        new = [(one.id, _as_agreed(one, target, catalogue)) for one in old]
        return Draft(tuple(new), (), before, before)
    return _anew(catalogue, old, line, target, before)


def _anew(
    catalogue: Catalogue,
    old: Sequence[ReservationLine],
    line: ReservationLine,
    target: Target,
    before: int,
) -> Draft:
    extras, stays_as_it_was = _extras(catalogue, old, line)
    priced = quote(catalogue, [_wish(catalogue, target, extras)]).lines
    by_what = {_what(one): one.id for one in old if one.id not in stays_as_it_was}
    new: list[tuple[int | None, QuoteLine]] = [
        (by_what.pop(_what(one), None), replace(one, wish=line.wish)) for one in priced
    ]
    new += [
        (one.id, _as_agreed(one, target, catalogue)) for one in old if one.id in stays_as_it_was
    ]
    after = sum(one.total_minor for _, one in new)
    return Draft(tuple(new), tuple(sorted(by_what.values())), before, after)


def _what(line: ReservationLine | QuoteLine) -> tuple[str, int | None, int | None]:
    return line.kind, line.extra_id, line.charge_id


def _wish(catalogue: Catalogue, target: Target, extras: tuple[tuple[Extra, int], ...]) -> Wish:
    offer: StayOffer | SessionOffer | None
    if target.arrive and target.depart:
        offer = catalogue.stays_by_id.get(target.offer_id)
        if offer is None:
            raise OfferGone
        return StayWish(
            offer, target.arrive, target.depart, target.adults, target.children, extras
        )  # fmt: skip
    offer = catalogue.sessions_by_id.get(target.offer_id)
    if offer is None or target.starts_at is None:
        raise OfferGone
    return SessionWish(offer, target.starts_at, target.adults, target.children, extras)


def _extras(
    catalogue: Catalogue, old: Iterable[ReservationLine], line: ReservationLine
) -> tuple[tuple[tuple[Extra, int], ...], set[int]]:
    """Return the extras that can be priced anew with their counts, and ids of what can't be."""
    nights = (line.depart - line.arrive).days if line.arrive and line.depart else 0
    extras: list[tuple[Extra, int]] = []
    others: set[int] = set()
    for one in old:
        extra = catalogue.extras_by_id.get(one.extra_id or 0)
        if one.kind == "extra" and extra is not None and extra.goes_with(_kind(line)):
            times = extra.basis.times(nights, line.adults, line.children)
            if times and one.quantity % times == 0 and one.quantity // times <= extra.most:
                extras.append((extra, one.quantity // times))
                continue
        if one.kind in ("extra", "discount"):
            others.add(one.id)
    return tuple(extras), others


def _kind(line: ReservationLine) -> OfferKind:
    return "stay" if line.kind == "stay" else "session"


def as_priced(line: ReservationLine) -> QuoteLine:
    """Return a reservation's line as a line of a quote."""
    return QuoteLine(
        kind=cast(LineKind, line.kind),
        wish=line.wish,
        offer_id=line.offer_id,
        extra_id=line.extra_id,
        charge_id=line.charge_id,
        label=line.label,
        arrive=line.arrive,
        depart=line.depart,
        starts_at=line.starts_at,
        ends_at=line.ends_at,
        adults=line.adults,
        children=line.children,
        quantity=line.quantity,
        unit_minor=line.unit_minor,
        total_minor=line.total_minor,
        vat_bp=line.vat_bp,
        vat_minor=line.vat_minor,
        nightly=tuple((date.fromisoformat(night), minor) for night, minor in line.nightly or ()),
    )


def _as_agreed(line: ReservationLine, target: Target, catalogue: Catalogue) -> QuoteLine:
    """Return a line with new dates, people and offer, and the sum that it had."""
    now = replace(
        as_priced(line),
        offer_id=target.offer_id if line.offer_id is not None else None,
        arrive=target.arrive,
        depart=target.depart,
        starts_at=target.starts_at,
        ends_at=target.ends_at,
        adults=target.adults,
        children=target.children,
    )
    if not line.takes_places:
        return now
    total, quantity = line.total_minor, target.quantity
    if (line.quantity, line.arrive, line.offer_id) != (quantity, target.arrive, target.offer_id):
        now = replace(
            now,
            quantity=quantity,
            unit_minor=total // quantity if total % quantity == 0 else None,
            nightly=_spread(total, target),
        )
    if line.offer_id == target.offer_id:
        return now
    offer = catalogue.stays_by_id[target.offer_id]
    return replace(
        now,
        label={language: words.get("name", "") for language, words in offer.texts.items()},
        vat_bp=offer.vat_bp,
        vat_minor=included_tax(total, offer.vat_bp),
    )


def _spread(total: int, target: Target) -> tuple[tuple[date, int], ...]:
    """Share a sum out over the nights of a stay; what is over goes to the first of them."""
    if target.arrive is None:
        return ()
    each, over = divmod(total, target.quantity)
    return tuple(
        (target.arrive + ONE_NIGHT * number, each + (number < over))
        for number in range(target.quantity)
    )


def digest_of(currency: str, lines: Sequence[ReservationLine]) -> str:
    """Return the fingerprint of all that a reservation's lines ask for, as of a quote."""
    total = sum(line.total_minor for line in lines)
    return Quote(currency, tuple(as_priced(line) for line in lines), total, ()).digest


def first_start_of(lines: Iterable[ReservationLine], venue: Venue) -> datetime:
    """Return when the first stay or session begins; a stay at check-in on its first day."""
    return min(_start(line, venue) for line in lines if line.takes_places)


def _start(line: ReservationLine, venue: Venue) -> datetime:
    if line.starts_at is not None:
        return line.starts_at
    assert line.arrive is not None
    return datetime.combine(line.arrive, venue.check_in, venue.zone)
