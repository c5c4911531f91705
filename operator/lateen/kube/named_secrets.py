"""Reads the Secrets that something names, one by one, and no other.

Each has a list and a watch of its own, limited to its name, so that no key that nobody asked
for ever reaches this process.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import aclosing
from typing import Final

import structlog

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES
from lateen.kube.sighting import Sighting, read_version
from lateen.kube.trimming import sight
from lateen.kube.watching import WatchHealth, WatchSettings
from lateen.model.keys import Key, Kind

_REOPEN: Final = 0.1
"""Seconds between the end of a watch and the next one."""

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
"""Seconds before a Secret that cannot be read is tried again, doubled from failure to failure."""

_SECRETS: Final = RESOURCES[Kind.SECRET]

_log = structlog.get_logger(__name__)


class NamedSecrets:
    """Follows exactly the Secrets that are wanted."""

    def __init__(
        self,
        client: KubeClient,
        health: WatchHealth,
        settings: WatchSettings,
        *,
        report: Callable[[Sighting], None],
        drop: Callable[[Key], None],
    ) -> None:
        """Want none yet.

        Args:
            client: reads.
            health: says which ones cannot be read.
            settings: how many may be opened at once, and how long a watch may be silent.
            report: takes each version, and that there is none.
            drop: hears which one is not followed any more.
        """
        self._client = client
        self._health = health
        self._starts = asyncio.Semaphore(settings.secret_starts)
        self._silence = settings.silence
        self._report = report
        self._drop = drop
        self._wanted: frozenset[Key] = frozenset()
        self._changed = asyncio.Event()
        self._followed: dict[Key, asyncio.Task[None]] = {}
        self._read_once: set[Key] = set()
        self._news = asyncio.Event()

    def want(self, keys: Collection[Key]) -> None:
        """Follow exactly these from now on; before `run` they are only noted."""
        self._wanted = frozenset(keys)
        self._changed.set()

    async def settled(self) -> None:
        """Wait until it is known of each that is wanted how it stands, or that it cannot be read."""
        while not self._wanted <= self._read_once | self._health.failing_secrets.keys():
            self._news.clear()
            await self._news.wait()

    async def run(self) -> None:
        """Follow what is wanted until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._changed.wait()
                self._changed.clear()
                for key in self._followed.keys() - self._wanted:
                    self._followed.pop(key).cancel()
                    self._read_once.discard(key)
                    self._health.failing_secrets.pop(key, None)
                    self._drop(key)
                for key in sorted(self._wanted - self._followed.keys()):
                    self._followed[key] = tasks.create_task(self._follow(key), name=str(key))

    async def _follow(self, key: Key) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._starts:
                    version = await self._read(key)
                self._health.failing_secrets.pop(key, None)
                pause = _FIRST_PAUSE
                await self._watch(key, version)
            except ApiError as error:
                if not error.is_expired:
                    self._complain(key, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _read(self, key: Key) -> str:
        """Report how it stands, and give the version from which to follow it."""
        found, version = await self._client.list(_SECRETS, key.namespace, fieldSelector=_named(key))
        if found:
            self._report(sight(Kind.SECRET, found[0]))
        else:
            self._report(Sighting(key, read_version(version), None))
        self._read_once.add(key)
        self._news.set()
        return version

    async def _watch(self, key: Key, version: str) -> None:
        """Follow it until the API server says something else than what happens to it."""
        while True:
            watch = self._client.watch(
                _SECRETS, key.namespace, version=version, silence=self._silence, fieldSelector=_named(key)
            )
            async with aclosing(watch) as events:
                async for event, found in events:
                    version = found["metadata"]["resourceVersion"]
                    if event != "BOOKMARK":
                        self._report(sight(Kind.SECRET, found, is_deleted=event == "DELETED"))
            await asyncio.sleep(_REOPEN)

    def _complain(self, key: Key, error: ApiError) -> None:
        if self._health.failing_secrets.get(key) != str(error):
            self._health.failing_secrets[key] = str(error)
            _log.warning("a Secret cannot be read", secret=f"{key.namespace}/{key.name}", error=str(error))
        self._news.set()


def _named(key: Key) -> str:
    return f"metadata.name={key.name}"
