"""Compares what is known with what there is, so that nothing is lost for longer than the audit's period.

The watcher follows every change, as long as kopf, the network and the API server keep their
promises. The audit trusts none of them: it lists names and versions by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

import structlog

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES
from lateen.kube.seen import Seen
from lateen.kube.session import read_page
from lateen.kube.sighting import Contact, Page, Report, read_version
from lateen.kube.watching import WATCHED, WatchHealth, WatchSettings
from lateen.model.keys import Key, Kind

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
"""Seconds before the API server is asked again, doubled from failure to failure."""

ResultT = TypeVar("ResultT")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of one kind, as they stood at one version."""

    version: int
    versions: Mapping[Key, int]
    """Version at which each object was changed last."""


@dataclass(slots=True)
class Difference:
    """Where what is known and what is listed do not agree."""

    behind: dict[Key, int] = field(default_factory=dict)
    """Objects that are listed at a later version than was seen."""
    surplus: dict[Key, int] = field(default_factory=dict)
    """Objects that are known, at which version, but not listed."""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.behind or self.surplus)

    def settle(self, seen: Seen) -> None:
        """Take out what was seen meanwhile."""
        self.behind = {key: version for key, version in self.behind.items() if seen.is_older(key, version)}
        self.surplus = {key: version for key, version in self.surplus.items() if seen.version(key) == version}


def compare(seen: Seen, kind: Kind, listing: Listing | None) -> Difference:
    """Find what is listed and was not seen, and what was seen and is not listed; None: there is no such kind.

    What was seen later than the listing counts as right.
    """
    versions = listing.versions if listing is not None else {}
    difference = Difference()
    for key, version in versions.items():
        if seen.is_older(key, version):
            difference.behind[key] = version
    for key in seen.keys(kind):
        known = seen.version(key)
        if known is not None and key not in versions and (listing is None or known <= listing.version):
            difference.surplus[key] = known
    return difference


class KeyAudit:
    """Looks by itself, beside the watcher."""

    def __init__(
        self,
        client: KubeClient,
        seen: Seen,
        health: WatchHealth,
        settings: WatchSettings,
        *,
        report: Callable[[Report], None],
        restart: Callable[[], None],
    ) -> None:
        """Stand between what is known and what there is.

        Args:
            client: reads.
            seen: what is known.
            health: says what the watcher has read, and counts what it missed.
            settings: how often to look, and how long to wait.
            report: takes what the watcher missed.
            restart: starts the watcher anew.
        """
        self._client = client
        self._seen = seen
        self._health = health
        self._settings = settings
        self._report = report
        self._restart = restart
        self._told = asyncio.Event()
        self._listed = asyncio.Event()
        self._complained: set[int] = set()

    def note(self, report: Report) -> None:
        """Hear what the watcher has told."""
        if not isinstance(report, Contact):
            self._told.set()
        if isinstance(report, Page):
            self._listed.set()

    async def first(self) -> None:
        """Return when all there was has been seen: by the watcher, or else by reading it here."""
        present = {kind for kind in WATCHED if await self._insist(partial(self._is_present, kind))}
        self._health.absent = frozenset(WATCHED) - present
        await self._are_listed(present)
        late = present - self._health.listed
        if late:
            _log.warning("the watcher is late, reading by ourselves", kinds=[*map(str, sorted(late))])
            for kind in sorted(late):
                await self._insist(partial(self._read, kind))
            self._restart()

    async def run(self) -> None:
        """Look once per period, and more often whether every kind is followed, until cancelled."""
        left = self._settings.audit_period
        while True:
            pause = min(left, self._settings.kinds_period)
            await asyncio.sleep(pause)
            left -= pause
            if left <= 0:
                await self.look()
                left = self._settings.audit_period
            else:
                await self.look_at_kinds()

    async def look_at_kinds(self) -> None:
        """Start the watcher anew if there is a kind that it does not follow.

        It asks for kinds when it starts, and an API server that has just started does not know all of them yet.
        """
        health = self._health
        missing = [kind for kind in WATCHED if kind not in health.listed and kind not in health.failing]
        ask = partial(self._insist, only_while_transient=True)
        try:
            found = {kind for kind in missing if await ask(partial(self._is_present, kind))}
        except ApiError:  # which has been told
            return
        health.absent -= found
        if not await self._are_listed(found):
            self._restart()

    async def _are_listed(self, kinds: Collection[Kind]) -> bool:
        """Wait until the watcher has read these kinds; False: it is not about to."""
        lists = True
        while lists and not self._health.listed.issuperset(kinds):
            lists = await _comes(self._listed, self._settings.start_patience)
        return lists

    async def look(self) -> None:
        """Look at every kind once, and put right what is wrong."""
        absent = set()
        is_lost = False
        for kind in WATCHED:
            newest = self._seen.newest(kind)
            try:
                listing = await self._insist(partial(self._list, kind), only_while_transient=True)
                if listing is not None and 0 < listing.version < newest:
                    _log.warning("the API server is in an earlier state than before", kind=str(kind))
                    self._seen.rewind(kind)  # so that what it has now is later
                is_lost |= await self._settle(kind, listing)
            except ApiError:  # which has been told
                continue
            if listing is None:
                absent.add(kind)
        self._health.absent = frozenset(absent)
        self._health.audits += 1
        self._seen.forget_the_gone()
        if is_lost:
            self._restart()

    async def _settle(self, kind: Kind, listing: Listing | None) -> bool:
        """Make one kind right; True: the watcher does not follow it as it should."""
        difference = compare(self._seen, kind, listing)
        if listing is not None or difference:
            await self._give_time(kind, difference)
        if difference:
            _log.warning(
                "the watcher missed changes, reading by ourselves",
                kind=str(kind),
                changed=len(difference.behind),
                deleted=len(difference.surplus),
            )
            self._health.missed_changes += len(difference.behind)
            self._health.missing_deletions += len(difference.surplus)
            await self._insist(partial(self._read, kind), only_while_transient=True)
        return bool(difference) or (listing is not None and kind not in self._health.listed)

    async def _give_time(self, kind: Kind, difference: Difference) -> None:
        """Wait while the watcher may still tell what is different; what it does tell is taken out."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.audit_patience
        while difference or kind not in self._health.listed:
            if self._seen.is_listing(kind):
                end = loop.time() + self._settings.audit_patience
            if not await _comes(self._told, end - loop.time()):
                return
            difference.settle(self._seen)

    async def _insist(self, ask: Callable[[], Awaitable[ResultT]], *, only_while_transient: bool = False) -> ResultT:
        """Ask the API server until it answers.

        Raises:
            ApiError: asking again makes no sense, and is to be done only while it does.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = await ask()
            except ApiError as error:
                if error.code not in self._complained:
                    self._complained.add(error.code)
                    _log.warning("the API server cannot be asked what there is", error=str(error))
                if only_while_transient and not (error.is_transient or error.is_expired):
                    raise
            else:
                self._complained.clear()
                return answer
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _is_present(self, kind: Kind) -> bool:
        path = RESOURCES[kind].collection()
        return await _unless_missing(self._client.request("GET", path, query={"limit": "1"})) is not None

    async def _list(self, kind: Kind) -> Listing | None:
        """List names and versions; None: there is no such kind."""
        versions: dict[Key, int] = {}
        version = 0
        try:
            async for piece in self._client.pieces(RESOURCES[kind], metadata_only=True):
                version = read_version(piece.get("metadata", {}).get("resourceVersion"))
                for each in piece.get("items") or ():
                    metadata = each["metadata"]
                    key = Key(kind, metadata.get("namespace", ""), metadata["name"])
                    versions[key] = read_version(metadata.get("resourceVersion"))
        except ApiError as error:
            if error.is_missing:
                return None
            raise
        return Listing(version, versions)

    async def _read(self, kind: Kind) -> None:
        """Read all objects of a kind, and report them as the watcher does."""
        is_first = True
        try:
            async for piece in self._client.pieces(RESOURCES[kind]):
                self._report(read_page(kind, piece, is_first=is_first, reader="audit"))
                is_first = False
        except ApiError as error:
            if not error.is_missing:
                raise
            self._report(Page(kind, self._seen.newest(kind), (), reader="audit"))


async def _comes(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the next time that something happens; False: it does not within the time."""
    event.clear()
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def _unless_missing(answer: Awaitable[ResultT]) -> ResultT | None:
    try:
        return await answer
    except ApiError as error:
        if error.is_missing:
            return None
        raise
