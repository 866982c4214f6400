"""From an empty site to the first bookable offer: what is done, and what comes next."""

from dataclasses import dataclass

import sqlalchemy as sa

from app.booking.models import OfferRow, Reservation, VenueRow
from app.core.database import db


@dataclass(frozen=True, slots=True)
class FirstRun:
    """How far the house has come; `offer_id` is the first draft's."""

    has_place: bool
    offer_id: int | None


def first_run() -> FirstRun | None:
    """Return how far setting up has come; None once something is on sale or reserved."""
    sold = sa.exists(sa.select(OfferRow.id).where(OfferRow.on_sale)).label("sold")
    booked = sa.exists(sa.select(Reservation.id)).label("booked")
    place = sa.exists(sa.select(VenueRow.id)).label("place")
    draft = sa.select(sa.func.min(OfferRow.id)).scalar_subquery().label("draft")
    found = db.session.execute(sa.select(sold, booked, place, draft)).one()
    return None if found.sold or found.booked else FirstRun(found.place, found.draft)
