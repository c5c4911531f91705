"""A compact set that remembers the order of insertion.

Most rows have one or two readers and most buckets one or two members; there are tens of thousands of each.
So a few items are kept as a tuple (a quarter of the memory of a `set`), many as the keys of a dict. Both iterate in the
order of insertion, which makes the order of recomputation the same in every run.
"""

from collections.abc import Hashable
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

Members = tuple[Item, ...] | dict[Item, None]

FEW = 8
"""Up to so many items are a tuple."""

SHRINK_AT = 4
"""A dict that falls to so many items becomes a tuple again; lower than `FEW`, so that it does not flutter."""


def with_item(members: Members[Item] | None, item: Item) -> Members[Item]:
    """Return the members with `item` added. The item must be absent; a dict is changed in place."""
    if members is None:
        return (item,)
    if isinstance(members, dict):
        members[item] = None
        return members
    longer = (*members, item)
    return longer if len(longer) <= FEW else dict.fromkeys(longer)


def without_item(members: Members[Item], item: Item) -> Members[Item]:
    """Return the members with `item` taken away. The item must be present; a dict is changed in place."""
    if isinstance(members, dict):
        del members[item]
        return members if len(members) > SHRINK_AT else tuple(members)
    return tuple(other for other in members if other != item)
