"""The place itself, its terms, and what it says: set up once, and changed for new bookings."""

from dataclasses import asdict, dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import sqlalchemy as sa

from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.models import ReservationLine, VenueRow
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_

# What many houses promise; the owner sees it before the first booking, and changes it.
_PROMISE = CancellationPolicy((Tier(14, 10_000), Tier(7, 5_000)), 24)
DRAWING = ""  # no picture yet: none is shown


class Fixed(DomainError):
    """The zone or the currency, once something was reserved in it."""

    message = N_("That can’t change any more: reservations were made with what it was.")


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What the place is; `check_in` and `check_out` are wall times, HH:MM."""

    name: str
    address: list[str]
    email: str
    phone: str
    zone: str
    currency: str
    country: str
    tax_id: str
    check_in: str
    check_out: str
    months_ahead: int
    remind_days: int


@cache
def zones() -> tuple[str, ...]:
    """Return the time zones that a place can be in, by continent and city."""
    return tuple(sorted(z for z in available_timezones() if "/" in z and _is_a_place(z)))


def _is_a_place(zone: str) -> bool:
    return zone.split("/", maxsplit=1)[0] not in ("Etc", "SystemV", "US", "posix", "right")


def the_place() -> VenueRow | None:
    """Return the place, or None on a site that is just being set up."""
    return db.session.get(VenueRow, 1)


def put_place(facts: PlaceFacts) -> VenueRow:
    """Set the place up, or change it. Raises Fixed."""
    row = the_place()
    if row is None:
        row = VenueRow(
            id=1, texts={}, picture=DRAWING, cancellation=_PROMISE.to_json(), catalogue_version=1
        )
        db.session.add(row)
    elif (row.zone, row.currency) != (facts.zone, facts.currency) and _has_reservations():
        raise Fixed
    ZoneInfo(facts.zone)
    for name, value in asdict(facts).items():
        setattr(row, name, value)
    db.session.flush()
    return row


def put_terms(
    row: VenueRow, policy: CancellationPolicy, deposit_bp: int | None, balance_days: int
) -> None:
    """Change what new bookings promise; each reservation keeps what it was promised."""
    row.cancellation = policy.to_json()
    row.deposit_bp = deposit_bp
    row.balance_days = balance_days
    db.session.flush()


def _has_reservations() -> bool:
    return db.session.scalar(sa.select(ReservationLine.id).limit(1)) is not None
