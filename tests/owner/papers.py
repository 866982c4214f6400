"""Reservations as they stand in the book, written there at once: papers without a name."""

import random
from datetime import timedelta

import sqlalchemy as sa

from app.booking.models import Night, Reservation, ReservationLine
from app.core.database import db, table
from tests.booking.places import ROOM


def put(status, lines, *, begins, created, cancelled=None, source="web", currency="EUR"):
    """Write a reservation into the book as it would stand there: a paper without a name."""
    reservation = Reservation(
        reference=f"R{random.getrandbits(40):010x}", status=status, language="en",
        currency=currency, total_minor=0, quote_digest="", cancellation="{}", first_start=begins,
        created_at=created, held_since=created, held_until=created, confirmed_at=created,
        cancelled_at=cancelled, archived_at=created, source=source,
    )  # fmt: skip
    reservation.lines = [
        ReservationLine(position=n, label={}, **values) for n, values in enumerate(lines)
    ]
    db.session.add(reservation)


def stay_line(arrive, prices, offer_id=ROOM):
    """A line of a stay with a price for each night."""
    nightly = [[str(arrive + timedelta(days=n)), minor] for n, minor in enumerate(prices)]
    return {
        "kind": "stay", "offer_id": offer_id, "arrive": arrive, "adults": 1,
        "depart": arrive + timedelta(days=len(prices)), "quantity": len(prices),
        "unit_minor": prices[0] if len({*prices}) == 1 else None,
        "total_minor": sum(prices), "nightly": nightly,
    }  # fmt: skip


def known(first, last, units=9):
    """Make counters of the room for two nights: the house is known from one to the other."""
    db.session.execute(
        sa.insert(table(Night)),
        [{"offer_id": ROOM, "night": n, "capacity": units, "taken": 0} for n in (first, last)],
    )
