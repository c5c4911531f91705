"""The seam that decides who writes: on a laptop the only instance does."""

import asyncio
from typing import Protocol


class Leadership(Protocol):
    """Whether this instance may start proxies and write status; serving proxies never asks."""

    @property
    def leading(self) -> bool:
        """Whether it may write now."""
        ...

    async def wait_until(self, *, leading: bool) -> None:
        """Wait for a change of mind."""
        ...


class AlwaysLeader:
    """The only instance there is."""

    @property
    def leading(self) -> bool:
        """Always."""
        return True

    async def wait_until(self, *, leading: bool) -> None:
        """Return at once for True; False never comes."""
        if not leading:
            await asyncio.Event().wait()
