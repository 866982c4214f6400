"""The ways to pay a held reservation: all of it at once, or a deposit and a balance later."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.booking.catalogue import Venue
from app.booking.models import Reservation
from app.booking.shop import shop
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.money import share
from app.payments.models import DEPOSIT, FULL

# Providers take nothing below some fifty cents (Stripe: EUR 0.50, GBP 0.30, JPY 50), and
# cost about as much. Twice that leaves room for what a currency's least is elsewhere.
LEAST_MINOR = 100
# A balance that is due tomorrow is no help to anybody.
AHEAD = timedelta(days=2)
# By the clock of the place: people are awake, and somebody is there to be asked.
_DUE_AT = time(18)
# So long before a kept card is charged, its guest is told.
NOTICE = timedelta(days=3)


class DepositNotOffered(DomainError):
    """A deposit was chosen for what is to be paid in full."""

    message = N_("A deposit isn’t possible for this reservation any more. Please pay all of it.")


@dataclass(frozen=True, slots=True)
class Deposit:
    """So much now, and the balance until `due_at`; in minor units. Together they are the total.

    `may_keep`: the balance lies far enough ahead for a kept card to be announced.
    """

    minor: int
    balance_minor: int
    due_at: datetime
    may_keep: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What a guest chose: a part, and whether their means are kept for the balance."""

    part: str = FULL
    keep: bool = False


def deposit_for(reservation: Reservation, *, now: datetime) -> Deposit | None:
    """Return the deposit that a guest may choose for a held reservation; None without one."""
    return deposit_of(reservation.total_minor, reservation.first_start, shop().venue, now=now)


def deposit_of(
    total_minor: int, first_start: datetime, venue: Venue, *, now: datetime
) -> Deposit | None:
    """Return the deposit by the place's terms: its share of the total, half a cent rounded up.

    None where the place asks for none, the balance would be due within AHEAD, or a part
    would be less than LEAST_MINOR.
    """
    if venue.deposit_bp is None:
        return None
    minor = share(total_minor, venue.deposit_bp)
    balance, due_at = total_minor - minor, due_date(first_start, venue)
    if min(minor, balance) < LEAST_MINOR or due_at < now + AHEAD:
        return None
    return Deposit(minor, balance, due_at, may_keep=due_at >= now + NOTICE)


def due_date(first_start: datetime, venue: Venue) -> datetime:
    """Return when a balance is due: `balance_days` before the first start, at 18:00 there.

    In UTC, and never after the start itself.
    """
    day = first_start.astimezone(venue.zone).date() - timedelta(days=venue.balance_days)
    return min(at_six(day, venue.zone), first_start.astimezone(UTC))


def at_six(day: date, zone: ZoneInfo) -> datetime:
    """Return 18:00 of a day by the place's clock, in UTC."""
    return datetime.combine(day, _DUE_AT, tzinfo=zone).astimezone(UTC)


def part_of(reservation: Reservation, choice: Choice, *, now: datetime) -> tuple[str, int]:
    """Return which part would be paid by a choice, and how much. Raises DepositNotOffered."""
    if choice.part != DEPOSIT:
        return FULL, reservation.total_minor
    deposit = deposit_for(reservation, now=now)
    if deposit is None:
        raise DepositNotOffered
    return DEPOSIT, deposit.minor


def choose(reservation: Reservation, part: str, *, now: datetime) -> None:
    """Write a choice down in a held reservation that is locked. Raises DepositNotOffered."""
    if part == DEPOSIT:
        deposit = deposit_for(reservation, now=now)
        if deposit is None:
            raise DepositNotOffered
        reservation.deposit_minor = deposit.minor
        reservation.balance_due_at = deposit.due_at
    else:
        reservation.deposit_minor = reservation.balance_due_at = None
    db.session.flush()


def settle(reservation: Reservation, part: str, minor: int) -> None:
    """Make the terms those of the payment that made a reservation firm.

    The guest may have chosen anew in another window while it was on its way.
    """
    if part != DEPOSIT:
        reservation.deposit_minor = reservation.balance_due_at = None
    elif reservation.deposit_minor != minor or reservation.balance_due_at is None:
        reservation.deposit_minor = minor
        reservation.balance_due_at = due_date(reservation.first_start, shop().venue)
