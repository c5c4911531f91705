"""Objects as the rest of the program sees them: identity, origin, and a validated spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from lateen.model.keys import Key

SpecT_co = TypeVar("SpecT_co", covariant=True)

FieldPath: TypeAlias = tuple[str | int, ...]
"""Where in an object: `("spec", "http", 0, "timeout")`."""

RawObject: TypeAlias = Mapping[str, Any]
"""An object as decoded from YAML or JSON, before any check."""


def print_path(path: FieldPath) -> str:
    """Print a path as users write it: `spec.http[0].timeout`. What cannot be printed is escaped."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            text = part if part.isprintable() else repr(part)
            out += f".{text}" if out else text
    return out


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object came from; findings print it.

    A file's document carries the file, its first line (1-based) and its position in the file
    (0-based). An object of an API server carries its generation, its uid, and the version of
    its API that it was read in.
    """

    file: str = ""
    line: int = 0
    document: int = 0
    generation: int = 0
    """`metadata.generation`: which edit of the object this is; 0 in files."""
    uid: str = ""
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Meta:
    """The part of `metadata` that behaviour depends on."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    """`creationTimestamp` as written (RFC 3339 sorts as text); empty when the source has none."""

    @property
    def age_order(self) -> tuple[str, str, str]:
        """Oldest first, then name, then namespace (istio-semantics §0.3.2)."""
        return (self.created, self.name, self.namespace)


@dataclass(frozen=True, slots=True)
class Object(Generic[SpecT_co]):
    """One accepted object."""

    key: Key
    meta: Meta
    spec: SpecT_co
    generation: int = 0
    """`metadata.generation`, or 0 where the source has none. Not part of behaviour."""


class Severity(StrEnum):
    """How bad a problem is for the object that has it."""

    ERROR = "error"
    """The object (or the named part of it) is not served."""

    WARNING = "warning"
    """Served, but probably not what was meant."""

    INFO = "info"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one object, before anybody knows its file and line."""

    path: FieldPath
    message: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Change:
    """The only thing a source produces: an object appeared, changed, or (`raw is None`) went away."""

    key: Key
    raw: RawObject | None
    origin: Origin = field(default_factory=Origin)
