"""What comes back when a reservation is cancelled, and until when.

The policy is part of what was agreed, so each reservation carries the policy as
it stood on the day of booking (`to_json`), whatever the owner offers later.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

from app.core.errors import DomainError
from app.core.languages import N_
from app.core.money import BASIS_POINTS

_DAYS_MOST = 3650
_HOURS_MOST = 24 * 366


class BadPolicy(DomainError):
    """Tiers that no guest could make sense of."""

    message = N_("Cancelling later can’t give more back, and each number of days counts once.")


class StayBegun(DomainError):
    """Cancelled after the first start. A person decides then what is fair, not a rule."""

    message = N_("This has already begun. Please write to us, and we’ll find a way.")


@dataclass(frozen=True, slots=True)
class Tier:
    """Cancelled at least `days_before` days ahead, `refund_bp` basis points come back."""

    days_before: int
    refund_bp: int


@dataclass(frozen=True, slots=True)
class CancellationPolicy:
    """Tiers, earliest first, and a short while after booking in which all comes back.

    That grace lasts `grace_hours` from booking, and ends early where the start is
    only `grace_start_hours` away: nobody can let a room for tonight again.
    Below the last tier nothing comes back. Raises BadPolicy.
    """

    tiers: tuple[Tier, ...]
    grace_hours: int
    grace_start_hours: int = 48

    def __post_init__(self) -> None:
        tiers = tuple(sorted(self.tiers, key=lambda tier: -tier.days_before))
        object.__setattr__(self, "tiers", tiers)
        if not (
            all(0 <= t.days_before <= _DAYS_MOST for t in tiers)
            and all(0 <= t.refund_bp <= BASIS_POINTS for t in tiers)
            and all(a.days_before > b.days_before for a, b in pairwise(tiers))
            and all(a.refund_bp >= b.refund_bp for a, b in pairwise(tiers))
            and 0 <= self.grace_hours <= _HOURS_MOST
            and 0 <= self.grace_start_hours <= _HOURS_MOST
        ):
            raise BadPolicy

    def to_json(self) -> str:
        """Return the policy as a text to keep with a reservation."""
        return json.dumps(
            {
                "tiers": [[tier.days_before, tier.refund_bp] for tier in self.tiers],
                "grace_hours": self.grace_hours,
                "grace_start_hours": self.grace_start_hours,
            }
        )

    @classmethod
    def from_json(cls, kept: str) -> Self:
        """Return the policy that `to_json` wrote."""
        values = json.loads(kept)
        return cls(
            tiers=tuple(Tier(int(days), int(bp)) for days, bp in values["tiers"]),
            grace_hours=int(values["grace_hours"]),
            grace_start_hours=int(values["grace_start_hours"]),
        )


def refund_due(
    policy: CancellationPolicy,
    paid_minor: int,
    totals: Sequence[int],
    first_start: datetime,
    zone: ZoneInfo,
    *,
    booked_at: datetime,
    cancelled_at: datetime,
) -> int:
    """Return the refund for a cancelled reservation, in minor units of its currency.

    `totals` are those of its lines. Each line gives back the share of the tier that
    applies, half a cent going to the guest; what comes back is never more than
    `paid_minor`, what of it hasn't been refunded yet, and never less than nothing.
    Days are counted on the calendar of the place, up to the date of `first_start`.
    All times are timezone-aware.

    Raises StayBegun from the first start onwards: what is owed then is decided by
    a person, on the owner's pages.

    Source: the place's own terms. It is a promise and not the 14-day right of
    withdrawal, which lodging and leisure services booked for a set date do not
    carry (Directive 2011/83/EU, Art. 16(l)).
    """
    # In UTC, because Python compares two times of one zone by the wall clock, and an hour
    # in autumn is on it twice.
    first_start, cancelled_at = first_start.astimezone(UTC), cancelled_at.astimezone(UTC)
    if cancelled_at >= first_start:
        raise StayBegun

    grace = grace_until(policy, first_start, booked_at=booked_at)
    if grace is not None and cancelled_at < grace:
        refund_bp = BASIS_POINTS
    else:
        refund_bp = _tier_share(policy, first_start, zone, cancelled_at)
    back = sum(_half_to_the_guest(total, refund_bp) for total in totals)
    return max(0, min(back, paid_minor))


def grace_until(
    policy: CancellationPolicy, first_start: datetime, *, booked_at: datetime
) -> datetime | None:
    """Return the instant before which all comes back, in UTC; None if there is no grace."""
    after_booking = booked_at.astimezone(UTC) + timedelta(hours=policy.grace_hours)
    before_start = first_start.astimezone(UTC) - timedelta(hours=policy.grace_start_hours)
    until = min(after_booking, before_start)
    return until if until > booked_at.astimezone(UTC) else None


def tiers_as_dates(
    policy: CancellationPolicy, first_start: datetime, zone: ZoneInfo
) -> list[tuple[datetime | None, int]]:
    """Return the tiers as a dated table: `(until, refund_bp)`, the best first.

    `until` is the instant, in the zone of the place, from which the row no longer
    holds: midnight after its last day, or the start itself. The last row has None
    and 0: nothing comes back from there on.
    """
    day = first_start.astimezone(zone).date()
    rows: list[tuple[datetime | None, int]] = []
    for tier in policy.tiers:
        midnight = _begin(day - timedelta(days=tier.days_before - 1), zone)
        until = min(midnight, first_start.astimezone(UTC))
        rows.append((until.astimezone(zone), tier.refund_bp))
    return [*rows, (None, 0)]


def _tier_share(
    policy: CancellationPolicy, first_start: datetime, zone: ZoneInfo, at: datetime
) -> int:
    days = (first_start.astimezone(zone).date() - at.astimezone(zone).date()).days
    return next((t.refund_bp for t in policy.tiers if days >= t.days_before), 0)


def _begin(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins, in UTC; at 01:00 where the clocks skip its midnight."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _half_to_the_guest(total: int, refund_bp: int) -> int:
    # Half up, towards plus infinity: for a discount, a negative line, that is in the
    # guest's favour as well. `money.share` mirrors negative amounts and would not be.
    return (2 * total * refund_bp + BASIS_POINTS) // (2 * BASIS_POINTS)
