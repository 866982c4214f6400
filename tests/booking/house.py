"""The house that the rules of booking are tried out on: one room, one tour, and their prices."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.catalogue import (
    Basis,
    Catalogue,
    Charge,
    Extra,
    Rate,
    SessionOffer,
    StayOffer,
    Venue,
)
from app.booking.schedule import Schedule

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 5, 4)
NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
KAYAK_AT = datetime(2026, 5, 9, 7, tzinfo=UTC)  # a Saturday, 09:00 at the place
WEEKEND = frozenset({4, 5})


def named(english, **others):
    return {"en": {"name": english}} | {code: {"name": name} for code, name in others.items()}


REED = StayOffer(
    id=1,
    slug="reed-room",
    position=1,
    texts=named("Reed Room", de="Schilfzimmer"),
    picture="reed.svg",
    units=3,
    adults_most=2,
    children_most=1,
    guests_most=3,
    nights_least=2,
    nights_most=21,
    vat_bp=700,
    rates=(
        Rate(9500, frozenset(), None, None, 0),
        Rate(11500, WEEKEND, None, None, 1),
        Rate(14000, frozenset(range(7)), date(2026, 7, 1), date(2026, 8, 31), 2),
        Rate(15001, WEEKEND, date(2026, 7, 1), date(2026, 8, 31), 2),
    ),
)
KAYAK = SessionOffer(
    id=7,
    slug="kayak",
    position=2,
    texts=named("Morning kayak tour"),
    picture="kayak.svg",
    minutes=150,
    seats=8,
    cutoff_minutes=120,
    adult_minor=4900,
    child_minor=2900,
    vat_bp=1900,
    schedule=Schedule(datetime(2020, 5, 2, 9), "RRULE:FREQ=WEEKLY;BYDAY=SA", BERLIN, 150),  # noqa: DTZ001
)
BREAKFAST = Extra(
    1, "breakfast", named("Breakfast"), Basis.PER_PERSON_NIGHT, 1450, 1900, False, 1,
    frozenset({"stay", "session"}),
)  # fmt: skip
BICYCLE = Extra(
    2, "bicycle", named("Bicycle"), Basis.PER_NIGHT, 1200, 1900, False, 4, frozenset({"stay"})
)
PARCEL = Extra(
    3, "parcel", named("Parcel"), Basis.PER_STAY, 2450, 1900, True, 9,
    frozenset({"stay", "session"}),
)  # fmt: skip
CLEANING = Charge(1, "cleaning", named("Final cleaning"), "fee", Basis.PER_STAY, 4500, 700)
VISITORS_TAX = Charge(
    2, "visitors_tax", named("Visitor’s tax"), "tax", Basis.PER_ADULT_NIGHT, 250, 0
)
VENUE = Venue(
    name="Haus Rohrdommel",
    zone=BERLIN,
    currency="EUR",
    cancellation=CancellationPolicy((Tier(14, 10_000),), 24),
    check_in=time(15),
    check_out=time(11),
    months_ahead=18,
    address=("Am Bodden 1",),
    email="house@example.org",
    phone="+49 0",
)
HOUSE = Catalogue(
    version=1,
    venue=VENUE,
    stays=(REED,),
    sessions=(KAYAK,),
    extras=(BREAKFAST, BICYCLE, PARCEL),
    charges=(CLEANING, VISITORS_TAX),
)
ARRIVE, DEPART = date(2026, 5, 7), date(2026, 5, 10)  # Thursday to Sunday
