"""Which filter chains of one listener get the server names that they ask for (istio-semantics §2.4).

Envoy refuses a whole listener if two of its chains match the same connections, so a name is
given once, to the oldest chain that asks for it (§6.8, §6.21, §6.88).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from lateen.ir.listener import FilterChain

ANY_NAME: Final = "*"
"""Stands for every server name, and for none: what a chain without server names takes of TLS."""
PLAINTEXT: Final = ""
"""Stands for connections that are not encrypted."""


@dataclass(frozen=True, slots=True)
class LostNames:
    """Server names that a chain asked for and that an older one has."""

    chain: FilterChain
    names: tuple[str, ...]
    holder: FilterChain
    """Who has the first of them."""

    def __str__(self) -> str:
        """Say it: `a.com already belongs to VirtualService/shop/a`."""
        names = ("every server name" if name == ANY_NAME else name for name in self.names)
        return f"{', '.join(names)} already belongs to {self.holder.origins[-1]}"


@dataclass(frozen=True, slots=True)
class Arranged:
    """The chains of one listener, as Envoy accepts them."""

    chains: tuple[FilterChain, ...] = ()
    lost: tuple[LostNames, ...] = ()


def arrange(chains: Iterable[FilterChain]) -> Arranged:
    """Give each server name to the first chain that asks for it; `chains` are in order of age.

    A chain that ends TLS keeps the names that are left. A pass-through chain goes as a whole, as
    one match of a VirtualService holds or does not (§6.21). A chain for any name takes all of TLS
    only where another one takes plaintext.
    """
    holders: dict[str, FilterChain] = {}
    kept: list[FilterChain] = []
    lost: list[LostNames] = []
    for chain in chains:
        names = chain.server_names or (ANY_NAME if chain.only_tls else PLAINTEXT,)
        left = tuple(name for name in names if name not in holders)
        if left == names:
            kept.append(chain)
        else:
            gone = tuple(name for name in names if name in holders)
            lost.append(LostNames(chain, gone, holders[gone[0]]))
            if chain.tls is None or not left:
                continue
            kept.append(replace(chain, server_names=left))
        holders |= dict.fromkeys(left, chain)
    if PLAINTEXT not in holders:
        kept = [replace(chain, only_tls=False) if chain.only_tls else chain for chain in kept]
    return Arranged(tuple(kept), tuple(lost))
