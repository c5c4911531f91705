"""What comes out of an API server: one object as it stood at one version, or a page of a list of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from lateen.model.keys import Key, Kind
from lateen.model.objects import RawObject


class Sighting(NamedTuple):
    """One object at one version, without what nobody reads."""

    key: Key
    version: int
    """`metadata.resourceVersion`: later is greater, also across objects of a kind; 0 when it is no number."""
    raw: RawObject | None
    """None: it was deleted at this version."""
    mark: bytes = b""
    """Equal for two versions of an object that differ in nothing that is read."""
    generation: int = 0
    uid: str = ""
    status: Mapping[str, Any] | None = None
    """`status` of the kinds that carry ours; None where there is none, and for all other kinds."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the objects of one kind, all as they stood at one version."""

    kind: Kind
    version: int
    """That version; known at the last page at the latest."""
    sightings: tuple[Sighting, ...]
    is_first: bool = True
    is_last: bool = True
    reader: str = ""
    """Whose list it is a page of: two may be read at the same time."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A request for objects of one kind was answered, or failed."""

    kind: Kind
    problem: str = ""
    """Empty: it went well."""


Report: TypeAlias = Sighting | Page | Contact
"""Everything that a watcher tells."""


def read_version(text: object) -> int:
    """Read a `resourceVersion`; 0 when it is no number, which compares with nothing."""
    return int(text) if isinstance(text, str) and text.isdecimal() else 0
