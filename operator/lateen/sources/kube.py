"""The source of a cluster: everything that an API server has, and everything that happens to it.

    kopf (own thread) ──Page, Sighting──► Seen ──Change──► Batches ──► sink
    KeyAudit ───────────what was missed────►│
    NamedSecrets ────────────────────────────┘

Only reads. What each object's status says now goes to whoever writes status.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lateen.kube.audit import KeyAudit
from lateen.kube.client import KubeClient
from lateen.kube.named_secrets import NamedSecrets
from lateen.kube.seen import OnStatus, Seen
from lateen.kube.sighting import Report
from lateen.kube.watcher import Watcher
from lateen.kube.watching import WatchHealth, WatchSettings
from lateen.model.keys import Key
from lateen.model.objects import Change
from lateen.sources.base import Sink
from lateen.sources.batches import Batches


def ignore(_key: Key, _status: Mapping[str, Any] | None, _version: str, /) -> None:
    """For those who write no status."""


class KubeSource:
    """Reads and follows all objects of the watched kinds, and the Secrets that are asked for."""

    def __init__(
        self,
        client: KubeClient,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        on_status: OnStatus = ignore,
        settings: WatchSettings = WatchSettings(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            client: reads beside the watcher; stays open.
            kubeconfig: as for `KubeClient.connect`; the watcher has connections of its own.
            context: as for `KubeClient.connect`.
            on_status: hears which status an object of ours carries, whenever it was read; None: it is gone.
            settings: how closely to watch.
            clock: monotonic seconds.
        """
        self.health = WatchHealth()
        self._seen = Seen(on_status)
        self._batches: Batches | None = None
        self._watcher = Watcher(self._take, self.health, settings, kubeconfig=kubeconfig, context=context, clock=clock)
        self._audit = KeyAudit(
            client, self._seen, self.health, settings, report=self._take, restart=self._watcher.restart
        )
        self._secrets = NamedSecrets(client, self.health, settings, report=self._take, drop=self._drop)

    def want_secrets(self, keys: Collection[Key]) -> None:
        """Read and follow exactly these Secrets from now on; those that are not among them any more are gone."""
        self._secrets.want(keys)

    async def secrets_read(self, patience: float) -> None:
        """Wait until the Secrets that are wanted have been read, and given to the sink; at most `patience` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._secrets.settled()
        if self._batches is not None:
            self._batches.release()

    async def run(self, sink: Sink, synced: asyncio.Event) -> None:
        """Produce changes until cancelled, as `Source.run` does."""
        batches = self._batches = Batches(sink, asyncio.get_running_loop())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watcher.run(), name="watcher")
                tasks.create_task(self._secrets.run(), name="secrets")
                await self._audit.first()
                batches.release()
                synced.set()
                tasks.create_task(self._audit.run(), name="audit")
        finally:
            batches.close()

    def _take(self, report: Report) -> None:
        for change in self._seen.take(report):
            self._add(change)
        self._audit.note(report)

    def _drop(self, key: Key) -> None:
        change = self._seen.drop(key)
        if change is not None:
            self._add(change)

    def _add(self, change: Change) -> None:
        if self._batches is not None:
            self._batches.add(change)
