"""Who leads, as a test says."""

import asyncio


class Election:
    """A leadership that changes when it is told to."""

    def __init__(self, *, leading: bool = False) -> None:
        """Begin."""
        self.leading = leading
        self._changed = asyncio.Event()

    def set(self, *, leading: bool) -> None:
        """Change who leads."""
        self.leading = leading
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_until(self, *, leading: bool) -> None:
        """Wait for a change."""
        while self.leading is not leading:
            await self._changed.wait()
