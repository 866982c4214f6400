"""A house with as many units and seats as a test wants, and what its tests look at."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.booking.cancellation import CancellationPolicy
from app.booking.catalogue import Catalogue
from app.booking.models import Night, OfferRow, RateRow, Seating, SessionPlaces, UnitRow, VenueRow
from app.booking.prices import Quote, SessionWish, StayWish, quote
from app.booking.shop import shop
from app.core.database import db, table

NOW = datetime(2031, 5, 5, 8, tzinfo=UTC)
FIRST = date(2031, 6, 1)
TOUR = datetime(2031, 6, 1, 10, tzinfo=UTC)
ROOM, BOAT = 1, 2


def open_house(units: int = 2, seats: int = 4) -> Catalogue:
    """Make a venue with a stay of so many units and a daily session of so many seats."""
    policy = CancellationPolicy(tiers=(), grace_hours=0)
    venue = VenueRow(
        name="House", texts={}, picture="", zone="UTC", currency="EUR", address=[], phone="",
        email="house@example.org", cancellation=policy.to_json(), check_in="15:00",
        check_out="11:00", months_ahead=12,
    )  # fmt: skip
    room = OfferRow(
        id=ROOM, slug="room", kind="stay", texts={"en": {"name": "Room"}}, picture="",
        units=units, adults_most=2, children_most=0, guests_most=2, nights_least=1,
        nights_most=365, rates=[RateRow(minor=100)],
        unit_rows=[UnitRow(position=n, name=f"Room {n}") for n in range(units)],
    )  # fmt: skip
    boat = OfferRow(
        id=BOAT, slug="boat", kind="session", texts={"en": {"name": "Boat"}}, picture="",
        minutes=60, seats=seats, cutoff_minutes=0, adult_minor=100, child_minor=50,
        schedule_starts="2031-06-01T10:00", schedule_rules="RRULE:FREQ=DAILY",
    )  # fmt: skip
    db.session.add_all((venue, room, boat))
    db.session.commit()
    catalogue = shop().catalogue
    db.session.rollback()
    return catalogue


def night(number: int) -> date:
    """The night that begins so many days after the first."""
    return FIRST + timedelta(days=number)


def stay(catalogue: Catalogue, first: int, nights: int) -> Quote:
    """The price of a stay that begins so many days after the first night."""
    room = catalogue.stays_by_id[ROOM]
    return quote(catalogue, [StayWish(room, night(first), night(first + nights), 1)])


def tour(catalogue: Catalogue, people: int) -> Quote:
    """The price of so many seats in the first session."""
    return quote(catalogue, [SessionWish(catalogue.sessions_by_id[BOAT], TOUR, people)])


def taken() -> dict[Any, int]:
    """What the counters say, without those that say nothing is taken."""
    nights, places = table(Night), table(SessionPlaces)
    connection = db.session.connection()
    rows = [
        *connection.execute(sa.select(nights.c.night, nights.c.taken)),
        *connection.execute(sa.select(places.c.starts_at, places.c.taken)),
    ]
    return {place: count for place, count in rows if count}


def seats_of(line_id: int) -> set[tuple[int, date]]:
    """Which unit a line has on which night."""
    seating = table(Seating)
    query = sa.select(seating.c.unit_id, seating.c.night).where(seating.c.line_id == line_id)
    return {(unit, on) for unit, on in db.session.connection().execute(query)}


def at_once(app: Flask, *works: Callable[[], object]) -> list[object]:
    """Do all of it at the same time, each with a session of its own.

    Returns what came of each, in their order: what it returned or what it raised.
    """
    start = threading.Barrier(len(works))
    ends: list[object] = [None] * len(works)

    def do(number: int, work: Callable[[], object]) -> None:
        with app.app_context():
            start.wait()
            try:
                ends[number] = work()
            except Exception as error:  # noqa: BLE001 (the test looks at it)
                db.session.rollback()
                ends[number] = error

    threads = [threading.Thread(target=do, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def refusals(ends: Sequence[object]) -> list[object]:
    """Those of several ends that are errors."""
    return [end for end in ends if isinstance(end, Exception)]
