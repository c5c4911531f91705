"""What happens in an instance, as data: the terminal prints it, `lateen status` counts it, tests await it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lateen.compile.compiler import Outcome
from lateen.infra.base import ProxyState
from lateen.ir.finding import Finding
from lateen.ir.proxy import ListeningPort, ProxyId
from lateen.model.keys import Key
from lateen.model.objects import Origin
from lateen.sources.base import FileReport


@dataclass(frozen=True, slots=True)
class Compiled:
    """One batch of changes went through the compiler and was published."""

    number: int
    """Counts the batches of this instance, from 1."""
    outcome: Outcome
    findings: dict[Key, tuple[Finding, ...]]
    """All findings of the objects whose findings changed."""
    seconds: float
    """From taking the batch to having published it."""
    sent: int
    """Resources that changed, over all proxies."""


@dataclass(frozen=True, slots=True)
class WentLive:
    """Every proxy has acknowledged (or has no part in) a batch."""

    number: int
    seconds: float
    """Since it was taken."""
    rejected: int = 0
    """Parts that a proxy refused."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where Gateways can be reached has changed; `ports` is the whole list."""

    ports: tuple[ListeningPort, ...]


@dataclass(frozen=True, slots=True)
class FileReported:
    """The problems of one file changed."""

    report: FileReport


@dataclass(frozen=True, slots=True)
class ProxyChanged:
    """A proxy started, became ready, or ended."""

    state: ProxyState


@dataclass(frozen=True, slots=True)
class Refused:
    """A proxy refused a resource; it keeps what it had."""

    proxy: ProxyId
    resource: str
    message: str
    origins: tuple[tuple[Key, Origin | None], ...]


Entry: TypeAlias = Compiled | WentLive | Listening | FileReported | ProxyChanged | Refused
Journal: TypeAlias = Callable[[Entry], None]
"""Takes each entry as it happens, on the event loop; must not block."""
