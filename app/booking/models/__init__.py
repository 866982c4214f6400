"""The tables of booking: what is offered, what is in a basket, what is reserved."""

from app.booking.models.baskets import Basket, BasketLine
from app.booking.models.feeds import DISMISSED, ECHO, OPEN, Feed, FeedConflict
from app.booking.models.inventory import Block, Night, Seating, SessionPlaces
from app.booking.models.offers import (
    ChargeRow,
    ClosedRow,
    ExtraRow,
    OfferRow,
    PictureRow,
    RateRow,
    UnitRow,
    VenueRow,
)
from app.booking.models.reservations import (
    AS_HELD,
    ASKED,
    BOOKING,
    CANCELLED,
    CONFIRMED,
    HELD,
    RELEASED,
    Reservation,
    ReservationLine,
)

__all__ = [
    "ASKED",
    "AS_HELD",
    "BOOKING",
    "CANCELLED",
    "CONFIRMED",
    "DISMISSED",
    "ECHO",
    "HELD",
    "OPEN",
    "RELEASED",
    "Basket",
    "BasketLine",
    "Block",
    "ChargeRow",
    "ClosedRow",
    "ExtraRow",
    "Feed",
    "FeedConflict",
    "Night",
    "OfferRow",
    "PictureRow",
    "RateRow",
    "Reservation",
    "ReservationLine",
    "Seating",
    "SessionPlaces",
    "UnitRow",
    "VenueRow",
]
