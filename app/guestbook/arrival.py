"""Arrival help: how to come, and what is good to know, as the house wrote it of each offer.

The owner writes it in the texts of an offer ("directions", "house_notes") and of the place
("directions", "arrival"), in each language. House notes may say what opens the door: they
are on the guest's own page, while the booking is firm and until it is over, and in no mail.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.catalogue import text
from app.booking.models import CONFIRMED, OfferRow, Reservation
from app.core.database import db
from app.guestbook.wishes import days_of


@dataclass(frozen=True, slots=True)
class Guide:
    """What is to be known of one of the things booked, in the current language."""

    name: str  # as it was called when it was booked
    directions: tuple[str, ...]  # paragraphs
    notes: tuple[str, ...]


def guides(reservation: Reservation) -> list[Guide]:
    """Return what the house wrote of all that was booked, each offer once.

    What has neither directions nor notes is left out. It is read anew, as it may be of an
    offer that isn't on sale any more.
    """
    labels = {
        line.offer_id: line.label
        for line in reversed(reservation.lines)
        if line.offer_id is not None and line.takes_places
    }
    query = sa.select(OfferRow.id, OfferRow.texts).where(OfferRow.id.in_(labels))
    texts = {row.id: row.texts for row in db.session.execute(query)}
    found = []
    for offer_id, label in reversed(labels.items()):
        written = texts.get(offer_id, {})
        guide = Guide(
            text({language: {"name": name} for language, name in label.items()}, "name"),
            paragraphs(text(written, "directions")),
            paragraphs(text(written, "house_notes")),
        )
        if guide.directions or guide.notes:
            found.append(guide)
    return found


def paragraphs(written: str) -> tuple[str, ...]:
    """Return the paragraphs of a text; an empty line is between two."""
    return tuple(part.strip() for part in written.split("\n\n") if part.strip())


def is_ahead(reservation: Reservation, zone: ZoneInfo, *, now: datetime) -> bool:
    """Tell whether a reservation is firm, and its last day isn't over."""
    _, last = days_of(reservation, zone)
    return reservation.status == CONFIRMED and now.astimezone(zone).date() <= last
