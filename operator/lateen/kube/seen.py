"""Remembers which version of each object was seen, and so tells news from what is known and from what is stale.

Reports reach it from several sides that do not wait for each other: lists and watches of the
watcher, and what the audit reads by itself. Versions put them in order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import structlog

from lateen.kube.resources import NETWORKING, RESOURCES
from lateen.kube.sighting import Page, Report, Sighting
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Origin

_log = structlog.get_logger(__name__)

OnStatus: TypeAlias = Callable[[Key, Mapping[str, Any] | None, str], None]
"""Hears which status an object carries now, and at which version; None: it is gone."""

_NETWORKING: Final = frozenset(NETWORKING)


class _Known(NamedTuple):
    version: int
    mark: bytes


class Seen:
    """What is known of every object of every kind."""

    def __init__(self, on_status: OnStatus) -> None:
        """Know nothing yet.

        Args:
            on_status: hears the status of the kinds that carry ours, at every version of them.
        """
        self._on_status = on_status
        self._known: dict[Kind, dict[Key, _Known]] = {kind: {} for kind in Kind}
        self._listing: dict[tuple[Kind, str], set[Key]] = {}
        """By kind and reader: what one knows of an unfinished list says nothing about that of another."""
        self._gone: dict[Key, int] = {}
        self._gone_before: dict[Key, int] = {}

    def keys(self, kind: Kind) -> Iterable[Key]:
        """All objects of a kind that there are."""
        return self._known[kind].keys()

    def version(self, key: Key) -> int | None:
        """Give the version of an object that was seen last; None: there is no such object."""
        known = self._known[key.kind].get(key)
        return known.version if known is not None else None

    def is_older(self, key: Key, version: int) -> bool:
        """Whether nothing of an object is known that is as late as this version."""
        known = self._known[key.kind].get(key)
        return known.version < version if known is not None else not self._was_gone_after(key, version)

    def newest(self, kind: Kind) -> int:
        """Give the latest version of any object of a kind that there is."""
        return max((known.version for known in self._known[kind].values()), default=0)

    def rewind(self, kind: Kind) -> None:
        """Forget all versions of a kind, but not the objects: the API server counts from an earlier one again."""
        self._known[kind] = {key: known._replace(version=0) for key, known in self._known[kind].items()}
        if kind in _NETWORKING:
            for key in self._known[kind]:
                self._tell_status(key, None, "")
        for gone in (self._gone, self._gone_before):
            for key in [key for key in gone if key.kind is kind]:
                del gone[key]

    def is_listing(self, kind: Kind) -> bool:
        """Whether some pages of a list have come, and more will."""
        return any(listed == kind for listed, _ in self._listing)

    def take(self, report: Report) -> Iterable[Change]:
        """Take whatever a watcher tells, and give what is news."""
        if isinstance(report, Page):
            return self.turn(report)
        change = self.meet(report) if isinstance(report, Sighting) else None
        return (change,) if change is not None else ()

    def meet(self, sighting: Sighting) -> Change | None:
        """Take one sighting; None: it is no news."""
        key = sighting.key
        of_kind = self._known[key.kind]
        known = of_kind.get(key)
        if known is not None and sighting.version < known.version:
            return None
        if sighting.raw is None:
            return self.bury(key, sighting.version)
        if known is None and self._was_gone_after(key, sighting.version):
            return None
        if key.kind in _NETWORKING:
            self._tell_status(key, sighting.status or {}, str(sighting.version))
        of_kind[key] = _Known(sighting.version, sighting.mark)
        if known is not None and known.mark == sighting.mark:
            return None
        origin = Origin(generation=sighting.generation, uid=sighting.uid, api_version=RESOURCES[key.kind].api_version)
        return Change(key, sighting.raw, origin)

    def turn(self, page: Page) -> Iterator[Change]:
        """Take one page of a list; after the last one, whatever was known before and is not listed is gone."""
        if page.is_first:
            self._listing[page.kind, page.reader] = set()
        listed = self._listing.get((page.kind, page.reader))
        for sighting in page.sightings:
            if listed is not None:
                listed.add(sighting.key)
            change = self.meet(sighting)
            if change is not None:
                yield change
        if page.is_last and self._listing.pop((page.kind, page.reader), None) is not None and listed is not None:
            yield from self.miss(page.kind, listed, page.version)

    def miss(self, kind: Kind, listed: set[Key], version: int) -> Iterator[Change]:
        """Bury all objects of a kind that are not in a complete list of this version, and are not newer than it."""
        known = self._known[kind]
        for key in [key for key in known if key not in listed]:
            if known[key].version <= version:
                change = self.bury(key, version)
                if change is not None:
                    yield change

    def bury(self, key: Key, version: int) -> Change | None:
        """Note that an object was gone at a version; None: that is known."""
        self._gone[key] = max(version, self._gone.get(key, 0))
        if self._known[key.kind].pop(key, None) is None:
            return None
        if key.kind in _NETWORKING:
            self._tell_status(key, None, "")
        return Change(key, None, Origin(api_version=RESOURCES[key.kind].api_version))

    def _tell_status(self, key: Key, status: Mapping[str, Any] | None, version: str) -> None:
        """Whatever somebody has written into the status of one object, all others are read."""
        try:
            self._on_status(key, status, version)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("a status cannot be read", object=str(key), error=repr(error))

    def drop(self, key: Key) -> Change | None:
        """Know nothing of an object any more, not even that it is gone; None: nothing was known."""
        if self._known[key.kind].pop(key, None) is None:
            return None
        return Change(key, None, Origin(api_version=RESOURCES[key.kind].api_version))

    def forget_the_gone(self) -> None:
        """Forget what went away before this was called the last time: no report of it can be on its way any more."""
        self._gone_before, self._gone = self._gone, {}

    def _was_gone_after(self, key: Key, version: int) -> bool:
        gone = self._gone.get(key) or self._gone_before.get(key)
        return gone is not None and 0 < version <= gone
