"""Value-added tax by its rates, and how a part of a sum is shared out among them.

Prices include their tax. Everything is whole minor units, and nothing is lost in
rounding: the parts of a sum, and the parts of those parts, always add up to it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Share(NamedTuple):
    """What falls to one rate: the rate in basis points, the sum with its tax, and the tax in it."""

    vat_bp: int
    gross_minor: int
    vat_minor: int


def by_rate(shares: Iterable[Share]) -> list[Share]:
    """Return the sums of each rate, the lowest first, without those that come to nothing."""
    sums: dict[int, tuple[int, int]] = {}
    for rate, gross, vat in shares:
        known = sums.get(rate, (0, 0))
        sums[rate] = known[0] + gross, known[1] + vat
    return [Share(rate, *sums[rate]) for rate in sorted(sums) if any(sums[rate])]


def negated(shares: Iterable[Share]) -> list[Share]:
    """Return the same with the other sign."""
    return [Share(rate, -gross, -vat) for rate, gross, vat in shares]


def part_of(rest: Sequence[Share], amount_minor: int) -> list[Share]:
    """Share out an amount among rates in proportion to what is left of each.

    To the minor unit, the largest remainders rounded up: no rate gives more than it has,
    and all that is left gives exactly itself. Raises ValueError for an amount that isn't
    more than nothing and at most what is left.
    """
    left = sum(share.gross_minor for share in rest)
    if not 0 < amount_minor <= left:
        raise ValueError("a part of what is left")
    if amount_minor == left:
        return list(rest)
    # A rate with a discount larger than its prices has nothing to give back.
    weights = [max(0, share.gross_minor) for share in rest]
    whole = sum(weights)
    parts = [amount_minor * weight // whole for weight in weights]
    missing = amount_minor - sum(parts)
    by_remainder = sorted(
        range(len(rest)), key=lambda index: -(amount_minor * weights[index] % whole)
    )
    for index in by_remainder[:missing]:
        parts[index] += 1
    return [
        Share(share.vat_bp, part, _proportion(share.vat_minor, part, share.gross_minor))
        for share, part in zip(rest, parts, strict=True)
        if part
    ]


def _proportion(minor: int, part: int, whole: int) -> int:
    """Return minor × part / whole, half a unit rounded up; all of them positive."""
    return (2 * minor * part + whole) // (2 * whole)
