"""What differs between a laptop and Kubernetes, besides the source: everything else is the same code."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from lateen.infra.base import ProxyRunner
from lateen.kube.budget import WriteBudget
from lateen.model.keys import Key
from lateen.runtime.journal import Journal
from lateen.runtime.leadership import Leadership
from lateen.runtime.port_guard import PortProbe
from lateen.status.base import StatusSink
from lateen.status.conditions import Progress


class Others(Protocol):
    """Other replicas of this instance, each with proxies of its own."""

    def tell(self, keys: Iterable[Key]) -> None:
        """Note that this replica's own proxies got on with these objects."""

    def total(self, key: Key, own: Progress | None) -> Progress | None:
        """Add what the proxies of others have acknowledged of an object."""


class Alone:
    """There is no other replica."""

    def tell(self, keys: Iterable[Key]) -> None:
        """Tell nobody."""

    def total(self, key: Key, own: Progress | None) -> Progress | None:
        """Add nothing."""
        del key
        return own


@dataclass(frozen=True, slots=True)
class Seams:
    """The outward side of one instance."""

    runner: ProxyRunner
    """Makes proxies run."""
    status: StatusSink
    """Writes conditions where users look."""
    leadership: Leadership
    """Says whether this instance may do either."""
    journal: Journal
    """Hears what happens."""
    ports: PortProbe | None = None
    """Tells which ports of this machine are free; None where every proxy has a machine of its own."""
    budget: WriteBudget | None = None
    """How much status may be written in a while; None: all of it at once."""
    patience: float = 0.0
    """Seconds that proxies get to take over the first batch before status is written without them: those of an
    instance that was started again come back within moments, and nothing has changed for them."""
    others: Others = field(default_factory=Alone)
    """Other replicas."""
    scales: bool = False
    """Whether a class has several proxies, which come and go by themselves and are counted anew each time."""
    removal_delay: float = 0.0
    """Seconds that a class of proxies which no Gateway wants any more stays, with nothing to serve."""
