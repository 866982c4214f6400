"""What is offered, as one read-only snapshot that pages and rules share.

A snapshot is read from the database once for each version of the catalogue, and
serves every request until the owner changes something. Nothing in it changes, so
whoever holds one sees one set of prices from the first line to the last.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import ClassVar, Literal, TypeVar
from zoneinfo import ZoneInfo

from app.booking.cancellation import CancellationPolicy
from app.booking.schedule import Schedule
from app.core.errors import DomainError
from app.core.languages import DEFAULT, N_, current_language
from app.core.money import exponent

# What the owner wrote, by language and then by what it is for: {"en": {"name": "Reed Room"}}.
Texts = Mapping[str, Mapping[str, str]]

OfferKind = Literal["stay", "session"]

_DAY = timedelta(days=1)


class NoBaseRate(DomainError):
    """A stay would have nights without a price."""

    message = N_("Every night needs a price: add one rate without dates and weekdays.")


def text(texts: Texts, key: str) -> str:
    """Return a text of the owner's in the current language.

    What hasn't been translated is shown in English, failing that in whichever
    language it was written in, and never left out: a room always has its name.
    """
    for language in (current_language(), DEFAULT, *texts):
        if written := texts.get(language, {}).get(key):
            return written
    return ""


class Basis(StrEnum):
    """What a price is counted by."""

    PER_STAY = "stay"
    PER_NIGHT = "night"
    PER_PERSON = "person"
    PER_PERSON_NIGHT = "person_night"
    PER_ADULT_NIGHT = "adult_night"

    @property
    def is_nightly(self) -> bool:
        """Whether it counts nights, and so means nothing for a session."""
        return self in {Basis.PER_NIGHT, Basis.PER_PERSON_NIGHT, Basis.PER_ADULT_NIGHT}

    def times(self, nights: int, adults: int, children: int) -> int:
        """Return how often the price is due. A person is an adult or a child."""
        match self:
            case Basis.PER_STAY:
                return 1
            case Basis.PER_NIGHT:
                return nights
            case Basis.PER_PERSON:
                return adults + children
            case Basis.PER_PERSON_NIGHT:
                return (adults + children) * nights
            case Basis.PER_ADULT_NIGHT:
                return adults * nights


@dataclass(frozen=True, slots=True)
class Rate:
    """A price for one night, in minor units, VAT included, and the nights it is for.

    `weekdays` are those on which the night begins, 0 for Monday; none means any.
    `first` and `last` are nights too, both included; None leaves that side open.
    Of the rates that cover a night, the one with the highest priority is its price;
    of two with the same priority, the one that comes later.
    """

    minor: int
    weekdays: frozenset[int]
    first: date | None
    last: date | None
    priority: int

    def covers(self, night: date) -> bool:
        """Whether this is a price for that night."""
        return (
            (self.first is None or self.first <= night)
            and (self.last is None or night <= self.last)
            and (not self.weekdays or night.weekday() in self.weekdays)
        )

    @property
    def is_base(self) -> bool:
        """Whether it covers every night there is."""
        return self.first is None and self.last is None and len(self.weekdays) in {0, 7}


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee or a tax that comes with every stay at this place.

    `minor` and `vat_bp`: minor units with VAT included, and its rate in basis points.
    """

    id: int
    code: str
    texts: Texts = field(hash=False)
    kind: Literal["fee", "tax"]
    basis: Basis
    minor: int
    vat_bp: int


@dataclass(frozen=True, slots=True)
class Extra:
    """Something to add to a stay or a session; `most` is how many of it one may add.

    `posted`: it travels by mail, so it needs an address to send it to.
    """

    id: int
    code: str
    texts: Texts = field(hash=False)
    basis: Basis
    minor: int
    vat_bp: int
    posted: bool
    most: int
    offer_kinds: frozenset[str]

    def goes_with(self, kind: OfferKind) -> bool:
        """Whether it can be added to that kind of offer; by the night, only to a stay."""
        return kind in self.offer_kinds and (kind == "stay" or not self.basis.is_nightly)


Closed = tuple[tuple[date, date], ...]
"""Days on which an offer isn't to be had: pairs of the first, and the first that is open again."""


def closed_within(closed: Closed, first: date, until: date) -> date | None:
    """Return the first closed day of [first, until), or None if all are open."""
    days = [max(first, begin) for begin, end in closed if begin < until and first < end]
    return min(days, default=None)


@dataclass(frozen=True, slots=True)
class StayOffer:
    """Nights in one of `units` like rooms, houses or boats.

    Children count as guests: three beds are `guests_most`, however they are shared
    out within `adults_most` and `children_most`. Raises NoBaseRate.
    """

    kind: ClassVar[OfferKind] = "stay"

    id: int
    slug: str
    position: int
    texts: Texts = field(hash=False)
    picture: str
    units: int
    adults_most: int
    children_most: int
    guests_most: int
    nights_least: int
    nights_most: int
    vat_bp: int
    rates: tuple[Rate, ...]
    on_sale: bool = True
    closed: Closed = ()
    # Prices of nights already asked for. Only `prices.nightly_price` touches it; it lives
    # and dies with the snapshot, so it can't outlast a change of rates.
    nightly: dict[date, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not any(rate.is_base for rate in self.rates):
            raise NoBaseRate

    def closed_on(self, night: date) -> bool:
        """Whether nobody stays that night."""
        return bool(self.closed) and closed_within(self.closed, night, night + _DAY) is not None


@dataclass(frozen=True, slots=True)
class SessionOffer:
    """Seats at a start time. It closes `cutoff_minutes` before that."""

    kind: ClassVar[OfferKind] = "session"

    id: int
    slug: str
    position: int
    texts: Texts = field(hash=False)
    picture: str
    minutes: int
    seats: int
    cutoff_minutes: int
    adult_minor: int
    child_minor: int
    vat_bp: int
    schedule: Schedule
    on_sale: bool = True
    closed: Closed = ()

    def __post_init__(self) -> None:
        if self.minutes != self.schedule.minutes:
            raise ValueError(f"{self.slug}: {self.minutes} or {self.schedule.minutes} minutes?")

    def closed_on(self, day: date) -> bool:
        """Whether nothing starts on that day at the place."""
        return bool(self.closed) and closed_within(self.closed, day, day + _DAY) is not None


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who is responsible for people's data (the controller), as everybody reads it."""

    name: str
    address: tuple[str, ...]
    email: str
    country: str  # ISO 3166-1


@dataclass(frozen=True, slots=True)
class Venue:
    """The place that is let. `check_in` and `check_out` are wall times in its zone."""

    name: str
    zone: ZoneInfo
    currency: str
    cancellation: CancellationPolicy
    check_in: time
    check_out: time
    months_ahead: int
    address: tuple[str, ...]
    email: str
    phone: str
    deposit_bp: int | None = None  # basis points; None: bookings are paid in full
    balance_days: int = 14  # before the first start, when the balance is due
    tax_id: str = ""
    country: str = ""  # ISO 3166-1
    # Who is responsible, where it isn't whom the place's own name and address name; and since
    # when, if somebody else was before.
    controller: Responsible | None = None
    controller_since: datetime | None = None
    # The last day of service of a place that closes down: nobody stays beyond it.
    closes_on: date | None = None
    is_closed: bool = False  # for good: visitors are told so, and nothing else

    def __post_init__(self) -> None:
        exponent(self.currency)

    @property
    def responsible(self) -> "Venue | Responsible":
        """Who is responsible for people's data, and where: the place, unless it is another."""
        return self.controller or self

    def has_ended(self, *, now: datetime) -> bool:
        """Whether the place closes down, and its last day is over."""
        return self.closes_on is not None and now.astimezone(self.zone).date() > self.closes_on


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything on offer at one version, in the owner's order, and by id, slug and code.

    `stays` and `sessions` have what was taken off sale too, and drafts: reservations of
    them stay. Visitors are shown `stays_on_sale` and `sessions_on_sale`.
    """

    version: int
    venue: Venue
    stays: tuple[StayOffer, ...]
    sessions: tuple[SessionOffer, ...]
    extras: tuple[Extra, ...]
    charges: tuple[Charge, ...]

    stays_by_id: Mapping[int, StayOffer] = field(init=False, repr=False, compare=False)
    sessions_by_id: Mapping[int, SessionOffer] = field(init=False, repr=False, compare=False)
    extras_by_id: Mapping[int, Extra] = field(init=False, repr=False, compare=False)
    charges_by_id: Mapping[int, Charge] = field(init=False, repr=False, compare=False)
    offers_by_slug: Mapping[str, StayOffer | SessionOffer] = field(
        init=False, repr=False, compare=False
    )
    extras_by_code: Mapping[str, Extra] = field(init=False, repr=False, compare=False)
    charges_by_code: Mapping[str, Charge] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        offers: tuple[StayOffer | SessionOffer, ...] = (*self.stays, *self.sessions)
        for name, found in {
            "stays_by_id": _by((o.id, o) for o in self.stays),
            "sessions_by_id": _by((o.id, o) for o in self.sessions),
            "extras_by_id": _by((e.id, e) for e in self.extras),
            "charges_by_id": _by((c.id, c) for c in self.charges),
            "offers_by_slug": _by((o.slug, o) for o in offers),
            "extras_by_code": _by((e.code, e) for e in self.extras),
            "charges_by_code": _by((c.code, c) for c in self.charges),
        }.items():
            object.__setattr__(self, name, found)

    @property
    def stays_on_sale(self) -> tuple[StayOffer, ...]:
        """The stays that visitors can book."""
        return tuple(offer for offer in self.stays if offer.on_sale)

    @property
    def sessions_on_sale(self) -> tuple[SessionOffer, ...]:
        """The sessions that visitors can book."""
        return tuple(offer for offer in self.sessions if offer.on_sale)

    def stay(self, slug: str) -> StayOffer | None:
        """Return the stay on sale at that address, if there is one."""
        offer = self.offers_by_slug.get(slug)
        return offer if isinstance(offer, StayOffer) and offer.on_sale else None

    def session(self, slug: str) -> SessionOffer | None:
        """Return the session on sale at that address, if there is one."""
        offer = self.offers_by_slug.get(slug)
        return offer if isinstance(offer, SessionOffer) and offer.on_sale else None

    def extras_for(self, kind: OfferKind) -> tuple[Extra, ...]:
        """Return what can be added to that kind of offer."""
        return tuple(extra for extra in self.extras if extra.goes_with(kind))


_Key = TypeVar("_Key", bound=Hashable)
_Item = TypeVar("_Item")


def _by(pairs: Iterable[tuple[_Key, _Item]]) -> dict[_Key, _Item]:
    found: dict[_Key, _Item] = {}
    for key, item in pairs:
        if key in found:
            raise ValueError(f"{key!r} is there twice")
        found[key] = item
    return found
