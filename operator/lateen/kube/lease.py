"""Which replica writes: the one whose name stands in a Lease, for as long as it keeps renewing it.

What holds at any time, whatever is slow, lost or killed: no two replicas lead, unless somebody
deletes the Lease or writes into it, and a replica starts at that moment. The leader stops
by its own clock when `renew_deadline` has passed since it sent its last successful renewal. Others
take over only when they have seen the same record for `duration`, by their own clock, counted from
when they first saw it. Wall clocks are written down for people, and never compared. What the leader
is writing when its time is over is cancelled (`writing`).
"""

import asyncio
import math
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog

from lateen.kube.resources import ApiResource

LEASES: Final = ApiResource("coordination.k8s.io", "v1", "leases", "Lease")

_JITTER: Final = 0.2
_RELEASE: Final = 3.0
"""Seconds that letting go may take when the process ends."""
_NEVER: Final = -math.inf

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Seconds. A leader that is killed is followed within `duration` and one or two `retry`."""

    duration: float = 15.0
    """How long others wait for a sign of life."""
    renew_deadline: float = 10.0
    """How long the leader leads after its last renewal; the rest of `duration` is for requests under way."""
    retry: float = 2.0
    """Pause between two tries."""


class LeaseStore(Protocol):
    """Where the Lease is kept: a `KubeClient`."""

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read it; None: there is none."""
        ...

    async def create(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create it, unless it exists."""
        ...

    async def replace(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the version that is named."""
        ...


def candidate_name(pod: str) -> str:
    """Name a candidate so that a pod that starts again does not take itself for the one before."""
    return f"{pod}_{secrets.token_hex(4)}"


class LeaseLeadership:
    """Stands for election; says whether this replica leads."""

    def __init__(
        self,
        store: LeaseStore,
        namespace: str,
        identity: str,
        *,
        name: str = "lateen",
        terms: LeaseTerms = LeaseTerms(),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Follow, until `run` is running.

        Args:
            store: the API server.
            namespace: where the Lease is.
            identity: a name that no other candidate has, see `candidate_name`.
            name: the Lease.
            terms: how long everything takes.
            clock: monotonic seconds; what decides.
            wall: seconds since 1970, for people.
            chance: numbers from 0 to 1, so that candidates do not all ask at once.
        """
        self.identity = identity
        self.holder = ""
        """Who leads, as last seen; empty: nobody."""
        self.transitions = 0
        """How often this replica has begun or ceased to lead."""
        self._store = store
        self._metadata = {"namespace": namespace, "name": name}
        self._terms = terms
        self._clock = clock
        self._wall = wall
        self._chance = chance
        self._until = _NEVER
        self._seen: Mapping[str, Any] = {}
        self._seen_at = _NEVER
        self._may_hold = False
        self._told = False
        self._changed = asyncio.Event()
        self._writes: set[asyncio.Timeout] = set()
        self._error = ""

    @property
    def leading(self) -> bool:
        """Whether this replica may write now; ends by time alone, even if nothing runs."""
        return self._clock() < self._until

    async def wait_until(self, *, leading: bool) -> None:
        """Wait until this replica leads, or leads no more."""
        while self.leading is not leading:
            await self._changed.wait()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Bound what is done in the context to the time in which this replica leads.

        Raises:
            TimeoutError: it does not lead, or not any more.
        """
        if not self.leading:
            raise TimeoutError
        async with asyncio.timeout(None) as limit:
            self._writes.add(limit)
            try:
                yield
            finally:
                self._writes.discard(limit)

    async def run(self) -> None:
        """Stand for election until cancelled; then let go, so that another one need not wait."""
        try:
            while True:
                await self._try()
                self._note()
                await asyncio.sleep(self._pause())
        finally:
            self._until = _NEVER
            self._note()
            await self._release()

    async def _try(self) -> None:
        limit = self._terms.renew_deadline / 2
        if self.leading:
            limit = min(limit, self._until - self._clock())
        try:
            async with asyncio.timeout(limit):
                await self._acquire()
            self._error = ""
        except Exception as error:  # noqa: BLE001 - whatever happens, this replica stands again
            self._report(str(error) or type(error).__name__)

    async def _acquire(self) -> None:
        """Take the Lease if nobody has it, and renew it if this replica has."""
        found = await self._store.get(LEASES, self._metadata["namespace"], self._metadata["name"])
        if found is not None:
            self._see(found)
        if self.holder not in ("", self.identity):
            self._until = _NEVER
            self._may_hold = False
            if self._clock() < self._expiry:  # also of a Lease that is deleted: its holder may still lead
                return
        self._may_hold = True
        sent = self._clock()
        if found is None:
            manifest = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": self._metadata}
            written = await self._store.create(LEASES, {**manifest, "spec": self._claim({})})
        else:
            written = await self._store.replace(LEASES, {**found, "spec": self._claim(self._seen)})
        self._until = sent + self._terms.renew_deadline
        self._see(written)

    @property
    def _expiry(self) -> float:
        """When the holder's time is over, unless it gives a sign of life."""
        written = self._seen.get("leaseDurationSeconds") or 0
        return self._seen_at + max(self._terms.duration, float(written))

    def _see(self, lease: Mapping[str, Any]) -> None:
        spec = lease.get("spec") or {}
        if spec == self._seen:
            return
        self._seen = spec
        self._seen_at = self._clock()
        holder = spec.get("holderIdentity") or ""
        if holder != self.holder:
            self.holder = holder
            if holder != self.identity:
                _log.info("another replica leads" if holder else "no replica leads", **self._metadata, holder=holder)

    def _claim(self, before: Mapping[str, Any]) -> dict[str, Any]:
        now = self._now()
        mine = before.get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self._terms.duration),
            "acquireTime": before.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": (before.get("leaseTransitions") or 0) + (bool(before) and not mine),
        }

    async def _release(self) -> None:
        if not self._may_hold:
            return
        try:
            async with asyncio.timeout(_RELEASE):
                found = await self._store.get(LEASES, self._metadata["namespace"], self._metadata["name"])
                spec = (found or {}).get("spec") or {}
                if found is not None and spec.get("holderIdentity") == self.identity:
                    free = {**spec, "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._now()}
                    await self._store.replace(LEASES, {**found, "spec": free})
        except Exception as error:  # noqa: BLE001 - others wait until the Lease is over
            _log.warning("the lease is not released", **self._metadata, error=str(error) or type(error).__name__)

    def _pause(self) -> float:
        now = self._clock()
        if self.leading:
            return min(self._terms.retry, self._until - now)
        pause = self._terms.retry * (1 + _JITTER * self._chance())
        return min(pause, self._expiry - now) if self._expiry > now else pause

    def _note(self) -> None:
        """Tell whoever waits, and the log, when this replica begins or ceases to lead."""
        if self.leading is self._told:
            return
        self._told = not self._told
        self.transitions += 1
        _log.info(
            "this replica leads" if self._told else "this replica leads no more",
            **self._metadata,
            identity=self.identity,
        )
        self._changed.set()
        self._changed = asyncio.Event()
        if not self._told:
            for limit in self._writes:
                limit.reschedule(asyncio.get_running_loop().time())

    def _report(self, error: str) -> None:
        """Log trouble once, and again when it is another one, or while this replica still leads."""
        if error != self._error or self.leading:
            _log.warning("the lease cannot be had", **self._metadata, leading=self.leading, error=error)
        self._error = error

    def _now(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
