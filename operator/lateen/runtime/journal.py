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
class Started:
    """The instance exists; nothing is read yet."""

    name: str
    version: str
    pid: int
    paths: tuple[str, ...]


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
    superseded: bool = False
    """Newer batches took the place of all of it before it arrived anywhere."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A proxy that connected again has acknowledged everything."""

    proxy: ProxyId
    seconds: float
    """Since it connected."""


@dataclass(frozen=True, slots=True)
class Serving:
    """For the first time, all proxies are ready and have acknowledged everything."""

    seconds: float
    """Since the start."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where Gateways can be reached has changed; `ports` is the whole list."""

    ports: tuple[ListeningPort, ...]


@dataclass(frozen=True, slots=True)
class PortTaken:
    """Somebody else has a port; its listener waits until the port is free."""

    ports: tuple[ListeningPort, ...]
    """The servers that wait for it."""
    reason: str
    """`127.0.0.1:8080 is in use by pid 123 (command)`."""


@dataclass(frozen=True, slots=True)
class FileReported:
    """The problems of one file changed."""

    report: FileReport
    kept: int = 0
    """Objects of the file that stay in use."""
    healed: bool = False
    """It had errors before, and has none now."""


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


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened to an object that no change of files brought about, such as the ejection of a host."""

    key: Key
    reason: str
    """One word for programs: `HostEjected`."""
    message: str
    is_warning: bool


@dataclass(frozen=True, slots=True)
class Draining:
    """The instance was asked to end."""

    seconds: float
    """How long connections get."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """All proxies are gone."""


Entry: TypeAlias = (
    Started
    | Compiled
    | WentLive
    | Restored
    | Serving
    | Listening
    | PortTaken
    | FileReported
    | ProxyChanged
    | Refused
    | Happened
    | Draining
    | Stopped
)
Journal: TypeAlias = Callable[[Entry], None]
"""Takes each entry as it happens, on the event loop; must not block."""
