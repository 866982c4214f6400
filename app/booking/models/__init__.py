"""The tables of booking: what is offered, what is in a basket, what is reserved."""

from app.booking.models.baskets import Basket, BasketLine
from app.booking.models.inventory import Night, Seating, SessionPlaces
from app.booking.models.offers import ChargeRow, ExtraRow, OfferRow, RateRow, UnitRow, VenueRow
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
    "HELD",
    "RELEASED",
    "Basket",
    "BasketLine",
    "ChargeRow",
    "ExtraRow",
    "Night",
    "OfferRow",
    "RateRow",
    "Reservation",
    "ReservationLine",
    "Seating",
    "SessionPlaces",
    "UnitRow",
    "VenueRow",
]
