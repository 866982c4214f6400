"""How a reservation stands: what was paid, what is owed until when, and what comes back.

Payments know; booking's pages and mails only ask.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app

from app.booking.models import Reservation


@dataclass(frozen=True, slots=True)
class Standing:
    """What was paid of a reservation, and its balance, in minor units.

    `coming`: what was paid, of a hold or of the balance, is on its way. `failed`: the last
    try to pay it failed. `card`: the kept card that will be charged, as its owner knows it;
    None if none is kept.
    `at_place_minor`: what is paid at the place, for a booking that the house made so.
    """

    paid_minor: int
    owed_minor: int = 0
    until: datetime | None = None
    coming: bool = False
    failed: bool = False
    overdue: bool = False
    card: str | None = None
    at_place_minor: int = 0


@dataclass(frozen=True, slots=True)
class Back:
    """What comes back of a reservation, in minor units.

    `minor`: goes back by cancelling, now or as it was done. `before_minor`: had gone back
    until then, out of goodwill. `at_bank`: a guest's bank looks into a payment, or has taken
    it back; of that one nothing is in `minor`.
    """

    minor: int
    before_minor: int = 0
    at_bank: bool = False


def standing(reservation: Reservation, *, now: datetime) -> Standing:
    """Return how a reservation stands, as payments tell it."""
    tell = cast(Callable[..., Standing], current_app.extensions["standing"])
    return tell(reservation, now=now)


def coming_back(reservation: Reservation, *, due_minor: int | None = None) -> Back:
    """Return what comes back of a reservation, as payments tell it.

    `due_minor` is what its terms give back now; without it, it is cancelled already.
    """
    tell = cast(Callable[..., Back], current_app.extensions["coming_back"])
    return tell(reservation, due_minor=due_minor)
