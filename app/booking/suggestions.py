"""The order in which offers are listed: the house's own, or what was looked at first.

It is a sorting and nothing else: no offer is left out, none has another price,
and without a history the order is the house's own, exactly.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")


def _no_rank(_item: Any) -> int:
    return 0


def suggested(
    items: Iterable[Item],
    looked_at: Sequence[Hashable],
    name: Callable[[Item], Hashable],
    rank: Callable[[Item], Any] = _no_rank,
) -> list[Item]:
    """Return `items` with those that were looked at first, the latest of them foremost.

    `looked_at` has names, the latest first, and `name` tells an item's. What `rank`
    sorts by goes before: a room that is free stays before one that isn't. All else
    keeps its order.
    """
    order = {one: place for place, one in enumerate(looked_at)}
    return sorted(items, key=lambda item: (rank(item), order.get(name(item), len(looked_at))))
