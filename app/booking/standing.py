"""How a reservation stands: what was paid, and what is owed until when.

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


def standing(reservation: Reservation, *, now: datetime) -> Standing:
    """Return how a reservation stands, as payments tell it."""
    tell = cast(Callable[..., Standing], current_app.extensions["standing"])
    return tell(reservation, now=now)
