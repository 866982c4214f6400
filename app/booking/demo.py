"""The demo place, Haus Rohrdommel, and guests who have booked there; all of it made up.

The files in `demo/` hold the data: what is offered (place.toml), what is said of it in
each language (texts.*.toml), and guests (guests.csv). Their domains are reserved (RFC 2606),
their telephone numbers kept by each country's authority for films; no message reaches
anybody. history.csv is the booking history of two hotels that don't exist, in the columns of
"Hotel booking demand datasets" (Antonio, de Almeida, Nunes, 2019), for `flask replay`.
"""

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from itertools import cycle, islice
from operator import getitem
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.catalogue import Catalogue, Extra, SessionOffer, StayOffer
from app.booking.details import index_person
from app.booking.holds import hold
from app.booking.inventory import PlacesTaken
from app.booking.models import (
    ChargeRow,
    ExtraRow,
    OfferRow,
    RateRow,
    Reservation,
    UnitRow,
    VenueRow,
)
from app.booking.prices import SessionWish, StayWish, Wish, quote
from app.booking.reservations import confirm, get_for_update
from app.booking.shop import shop
from app.core.database import db
from app.core.languages import LANGUAGES
from app.core.outbox import Job
from app.core.vault import vault

DATA = Path(__file__).parent / "demo"

_Values = dict[str, Any]

# Fridays and Saturdays, as the nights begin.
_WEEKEND = "45"
_PRIORITY = {"base": 0, "weekend": 1, "summer": 2, "turn_of_the_year": 3}


def load_demo(*, now: datetime) -> bool:
    """Add the demo place, and return whether it was; where there is a venue, nothing happens.

    Seasons get prices from the year before `now` to three years after it. The caller
    commits.
    """
    if db.session.scalar(sa.select(VenueRow.id)) is not None:
        return False
    place = _values("place.toml")
    texts = {language: _values(f"texts.{language}.toml") for language in LANGUAGES}
    years = range(now.year - 1, now.year + 4)
    db.session.add(_venue(place, texts))
    for position, stay in enumerate(place["stays"]):
        rates = _rates(stay["prices"], place["seasons"], years)
        db.session.add(_stay(stay, position, _said(texts, "offers", stay["slug"]), rates))
    for position, session in enumerate(place["sessions"], start=len(place["stays"])):
        said = _said(texts, "offers", session["slug"])
        db.session.add(OfferRow(kind="session", position=position, texts=said, **session))
    for position, extra in enumerate(place["extras"]):
        said = _said(texts, "extras", extra["code"])
        db.session.add(ExtraRow(position=position, texts=said, **extra))
    for charge in place["charges"]:
        said = _said(texts, "charges", charge["code"])
        db.session.add(ChargeRow(texts=said, **charge))
    db.session.flush()
    return True


def _values(name: str) -> _Values:
    return tomllib.loads((DATA / name).read_text(encoding="utf-8"))


def _said(texts: Mapping[str, _Values], *path: str) -> _Values:
    """Return {language: texts} of what lies at `path` in each language's file."""
    return {language: reduce(getitem, path, written) for language, written in texts.items()}


def _venue(place: _Values, texts: Mapping[str, _Values]) -> VenueRow:
    promised = place["cancellation"]
    tiers = tuple(Tier(days, share) for days, share in promised["tiers"])
    policy = CancellationPolicy(tiers, promised["grace_hours"])
    return VenueRow(texts=_said(texts, "venue"), cancellation=policy.to_json(), **place["venue"])


def _stay(stay: _Values, position: int, said: _Values, rates: list[RateRow]) -> OfferRow:
    plain = {name: value for name, value in stay.items() if name not in ("unit_names", "prices")}
    units = [UnitRow(position=at, name=name) for at, name in enumerate(stay["unit_names"])]
    return OfferRow(
        kind="stay",
        position=position,
        texts=said,
        units=len(units),
        unit_rows=units,
        rates=rates,
        **plain,
    )


def _rates(prices: _Values, seasons: _Values, years: range) -> list[RateRow]:
    base, weekend = (
        RateRow(minor=prices[name], priority=_PRIORITY[name]) for name in ("base", "weekend")
    )
    weekend.weekdays = _WEEKEND
    seasonal = [
        RateRow(minor=prices[name], priority=_PRIORITY[name], first=first, last=last)
        for name, days in seasons.items()
        for first, last in (_season(days, year) for year in years)
    ]
    return [base, weekend, *seasonal]


def _season(days: list[str], year: int) -> tuple[date, date]:
    """Return the first and the last night of a season that begins in that year."""
    first, last = (date.fromisoformat(f"{year}-{day}") for day in days)
    return first, last if first <= last else last.replace(year=year + 1)


# -- Guests ---------------------------------------------------------------------------------

# Stays at the boathouse: days from today to the arrival, and nights. It is the place to see
# what "nearly free" looks like: weeks without a gap, and gaps of a single night.
_BOATHOUSE = (
    *((-17, 3), (-6, 4), (-1, 4), (4, 3), (7, 5), (13, 2), (18, 7)),
    *((25, 3), (29, 4), (47, 6), (54, 3), (82, 5)),
)
_DAYS_BACK, _DAYS_AHEAD = 28, 118
_MINUTES_TO_PAY = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class _Booking:
    """What somebody books, and when they do."""

    wishes: tuple[Wish, ...]
    booked_at: datetime


def load_demo_reservations(*, now: datetime, count: int = 56) -> int:
    """Book about `count` times as made-up guests, and return how many bookings there are now.

    For the last month and the next four, by the same verbs as the site and at instants
    before `now`. Who finds their places taken books nothing, so it can be a few fewer. The
    same `now` gives the same bookings. Nobody waits for their messages: these count as
    sent. Where there is any reservation, nothing happens. The caller commits.

    Raises NothingOnOffer before `load_demo`.
    """
    catalogue = shop().catalogue
    if db.session.scalar(sa.select(Reservation.id).limit(1)) is not None:
        return 0
    bookings = sorted(
        islice(_bookings(catalogue, now=now), count), key=lambda booking: booking.booked_at
    )
    with (DATA / "guests.csv").open(encoding="utf-8", newline="") as file:
        guests = list(csv.DictReader(file))
    persons: dict[str, Person] = {}
    made = set()
    for guest, booking in zip(cycle(guests), bookings, strict=False):
        try:
            made.add(_book(catalogue, booking, guest, persons))
        except PlacesTaken:
            continue
    _count_as_sent(made, now=now)
    return len(made)


def _book(
    catalogue: Catalogue, booking: _Booking, guest: dict[str, str], persons: dict[str, Person]
) -> int:
    """Hold, say who one is, and pay, as a guest does. Raises PlacesTaken with nothing written."""
    held = hold(
        catalogue,
        quote(catalogue, booking.wishes),
        language=guest["language"],
        now=booking.booked_at,
    )
    if guest["email"] not in persons:
        persons[guest["email"]] = _person(guest, now=booking.booked_at)
    reservation = get_for_update(held.reservation_id)
    reservation.person = persons[guest["email"]]
    confirm(reservation, now=booking.booked_at + _MINUTES_TO_PAY)
    return reservation.id


def _person(guest: dict[str, str], *, now: datetime) -> Person:
    person = Person(id=vault().new_person(), created_at=now)
    person.name = guest["name"]
    person.email = guest["email"]
    person.phone = guest["phone"] or None
    person.title = guest["title"] or None
    db.session.add(person)
    index_person(person.id, name=guest["name"], email=guest["email"])
    return person


def _count_as_sent(reservation_ids: set[int], *, now: datetime) -> None:
    for job in db.session.scalars(sa.select(Job).where(Job.done_at.is_(None))):
        if job.payload.get("reservation_id") in reservation_ids:
            job.done_at = now
    db.session.flush()


def _bookings(catalogue: Catalogue, *, now: datetime) -> Iterator[_Booking]:
    """Yield bookings without end: first the boathouse's, then others by chance."""
    chances = Random("Kiebitz")  # noqa: S311 (the same demo every time, no secret)
    venue = catalogue.venue
    today = now.astimezone(venue.zone).date()
    boathouse = catalogue.stay("boathouse")
    assert boathouse is not None
    for days, nights in _BOATHOUSE:
        wish = _stay_wish(catalogue, boathouse, today + timedelta(days), nights, chances)
        yield _Booking((wish,), _booked_at(_begin(catalogue, wish), chances, now=now))
    others = [offer for offer in catalogue.stays if offer is not boathouse]
    while True:
        day = today + timedelta(_arrival(chances))
        wishes: tuple[Wish, ...]
        if chances.random() < 0.7:
            offer = chances.choices(others, weights=[one.units for one in others])[0]
            nights = offer.nights_least + chances.choice((0, 1, 1, 2, 2, 3, 4, 6))
            stay = _stay_wish(catalogue, offer, day, nights, chances)
            wishes = (stay, *_with_sauna(catalogue, stay, chances))
        else:
            wishes = (_session_wish(chances.choice(catalogue.sessions), day, chances),)
        yield _Booking(wishes, _booked_at(_begin(catalogue, wishes[0]), chances, now=now))


def _arrival(chances: Random) -> int:
    """Return a day counted from today: one in five in the last month, the others mostly soon."""
    if chances.random() < 0.2:
        return -chances.randint(1, _DAYS_BACK)
    return int(chances.triangular(-3, _DAYS_AHEAD, 8))


def _stay_wish(
    catalogue: Catalogue, offer: StayOffer, arrive: date, nights: int, chances: Random
) -> StayWish:
    adults = min(offer.adults_most, chances.choice((1, 2, 2, 2)))
    room = min(offer.children_most, offer.guests_most - adults)
    children = min(room, chances.choice((0, 0, 1, 2)))
    extras: list[tuple[Extra, int]] = []
    for code, chance, number in (
        ("breakfast", 0.6, 1),
        ("bicycle", 0.3, adults),
        ("late-check-out", 0.1, 1),
    ):
        if chances.random() < chance:
            extras.append((catalogue.extras_by_code[code], number))
    depart = arrive + timedelta(nights)
    return StayWish(offer, arrive, depart, adults, children, tuple(extras))


def _with_sauna(catalogue: Catalogue, stay: StayWish, chances: Random) -> Iterator[SessionWish]:
    """Yield an evening in the sauna for some of those who stay."""
    sauna = catalogue.session("sauna")
    if sauna is not None and chances.random() < 0.3:
        evenings = sauna.schedule.occurrences(stay.arrive, stay.depart - timedelta(1))
        yield SessionWish(sauna, chances.choice(evenings).starts_at, stay.adults)


def _session_wish(offer: SessionOffer, day: date, chances: Random) -> SessionWish:
    starts = offer.schedule.occurrences(day, day + timedelta(6))
    adults, children = chances.choice(((1, 0), (2, 0), (2, 0), (2, 1), (3, 0), (4, 0)))
    return SessionWish(offer, chances.choice(starts).starts_at, adults, children)


def _begin(catalogue: Catalogue, wish: Wish) -> datetime:
    """Return when a wish begins, in UTC."""
    if isinstance(wish, SessionWish):
        return wish.starts_at
    venue = catalogue.venue
    return datetime.combine(wish.arrive, venue.check_in, venue.zone).astimezone(UTC)


def _booked_at(begin: datetime, chances: Random, *, now: datetime) -> datetime:
    """Return an instant before both the beginning and `now`, in UTC."""
    latest = min(begin, now.astimezone(UTC)) - timedelta(days=1)
    day = (latest - timedelta(days=chances.triangular(1, 90, 7))).date()
    return datetime.combine(day, time(chances.randint(6, 20), chances.randint(0, 59)), UTC)
