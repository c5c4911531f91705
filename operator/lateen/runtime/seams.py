"""What differs between a laptop and Kubernetes, besides the source: everything else is the same code."""

from dataclasses import dataclass

from lateen.infra.base import ProxyRunner
from lateen.runtime.journal import Journal
from lateen.runtime.leadership import Leadership
from lateen.runtime.port_guard import PortProbe
from lateen.status.base import StatusSink


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
