"""A reservation as a calendar file: one event a stay or session, in the guest's language."""

from datetime import datetime
from urllib.parse import urlsplit

from flask import current_app

from app.booking import wording
from app.booking.calendars import CalendarEvent, calendar_file
from app.booking.catalogue import text
from app.booking.models import CANCELLED, Reservation, ReservationLine
from app.booking.shop import Shop, shop
from app.core.languages import gettext


def reservation_calendar(reservation: Reservation, *, now: datetime) -> bytes:
    """Return the calendar file of a reservation. It names nobody."""
    events = events_of(reservation)
    cancelled = reservation.status == CANCELLED
    return calendar_file(events, host=host_of_events(), now=now, cancelled=cancelled)


def events_of(reservation: Reservation) -> list[CalendarEvent]:
    """Return what of a reservation stands in a calendar: stays and sessions. They name nobody."""
    here = shop()
    return [_event(reservation, line, here) for line in reservation.lines if line.takes_places]


def host_of_events() -> str:
    """Return the name that ends the UID of every event."""
    return urlsplit(current_app.extensions["settings"].site_url).hostname or "localhost"


def _event(reservation: Reservation, line: ReservationLine, here: Shop) -> CalendarEvent:
    venue = here.venue
    name = text({lang: {"name": label} for lang, label in line.label.items()}, "name")
    stay = line.kind == "stay"
    return CalendarEvent(
        uid_local=f"{reservation.reference}-{line.position}",
        sequence=reservation.sequence,
        summary=f"{name}, {venue.name}",
        location=", ".join(wording.where(venue)),
        description=gettext("Reference %(reference)s", reference=reservation.reference),
        arrive=line.arrive if stay else None,
        depart=line.depart if stay else None,
        starts_at=None if stay else line.starts_at,
        ends_at=None if stay else line.ends_at,
        zone=None if stay else venue.zone,
    )
