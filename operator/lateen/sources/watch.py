"""When to look at the files again: notifications of the operating system, and a steady tick."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final

import structlog
from watchfiles import awatch

QUIET: Final = 0.02
"""Seconds without a further change before a change is reported: editors write in several steps."""

TICK: Final = 1.0
"""Seconds between two reports that say "nothing noticed"."""

_LONGEST_WAIT: Final = 0.5
"""Seconds after which a change is reported even if more keep coming."""

_log = structlog.get_logger(__name__)


async def watch_files(paths: Sequence[Path], stop: asyncio.Event) -> AsyncGenerator[bool, None]:
    """Yield True when something below `paths` changed, and False at every tick without a change.

    The tick lets the caller look by itself once in a while, for what notifications miss:
    network file systems, links that lead elsewhere, a directory that was replaced. Where the
    operating system refuses to watch (its limits are reached), only ticks are left.
    Watching begins with the first step of the iterator, before it waits for anything.
    """
    try:
        async for changes in awatch(
            *paths,
            watch_filter=None,
            debounce=int(_LONGEST_WAIT * 1000),
            step=int(QUIET * 1000),
            stop_event=stop,
            rust_timeout=int(TICK * 1000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            yield bool(changes)
    except OSError as error:
        _log.warning("files cannot be watched, looking at them every second instead", error=str(error))
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), TICK)
            except TimeoutError:
                yield False
