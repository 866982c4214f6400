"""What was counted of some months, and the shares and averages that it makes.

All sums are whole numbers. A share or an average is made of two sums when it is asked for,
and never kept, so that figures of several months are made of their sums as well.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Self


@dataclass(slots=True)
class Sums:
    """What was counted of some months: of the house, or of one offer. Amounts: minor units.

    `priced` are the nights sold in the currency of the house, of which `minor` are the
    prices: there are others only where it took another currency once. `before` counts
    bookings by the days between booking and beginning, `cancelled` by the days between
    cancelling and beginning, `lengths` stays by their nights, `sources` bookings by how
    they came.
    """

    available: int = 0
    sold: int = 0
    priced: int = 0
    minor: int = 0
    extras_minor: int = 0
    seats: int = 0
    seats_sold: int = 0
    seats_minor: int = 0
    before: Counter[int] = field(default_factory=Counter)
    cancelled: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    @property
    def occupancy(self) -> Fraction | None:
        """Nights sold of those that could be; None where none could."""
        return _ratio(self.sold, self.available)

    @property
    def rate(self) -> Fraction | None:
        """The average price of a night that was sold (ADR), in minor units."""
        return _ratio(self.minor, self.priced)

    @property
    def per_available(self) -> Fraction | None:
        """The price of nights by each that could be sold (RevPAR), in minor units."""
        return _ratio(self.minor, self.available)

    @property
    def bookings(self) -> int:
        """How many confirmed bookings begin."""
        return self.before.total()

    @property
    def lead(self) -> Fraction | None:
        """Days between booking and beginning, on average."""
        return _mean(self.before)

    @property
    def lead_median(self) -> Fraction | None:
        """Days between booking and beginning: half of the bookings had no more."""
        return median(self.before)

    @property
    def cancelled_share(self) -> Fraction | None:
        """Bookings that were cancelled, of all that were firm once."""
        return _ratio(self.cancelled.total(), self.cancelled.total() + self.bookings)

    @property
    def stays(self) -> int:
        """How many units were arrived in."""
        return self.lengths.total()

    @property
    def length(self) -> Fraction | None:
        """Nights of a stay, on average."""
        return _mean(self.lengths)

    @property
    def seats_share(self) -> Fraction | None:
        """Seats sold of those there were."""
        return _ratio(self.seats_sold, self.seats)

    def add(self, other: Self) -> None:
        """Count what another has counted as well."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, one.name, mine + theirs)


def summed(some: Iterable[Sums | None]) -> Sums:
    """Return the sums of several months."""
    total = Sums()
    for one in some:
        if one is not None:
            total.add(one)
    return total


def median(counts: Counter[int]) -> Fraction | None:
    """Return the value in the middle, of values and how often each is there."""
    total, seen, low = counts.total(), 0, None
    for value, count in sorted(counts.items()):
        seen += count
        if low is None and 2 * seen >= total:
            low = value
        if low is not None and 2 * seen > total:
            return Fraction(low + value, 2)
    return None


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _mean(counts: Counter[int]) -> Fraction | None:
    return _ratio(sum(value * count for value, count in counts.items()), counts.total())
