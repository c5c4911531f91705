"""Where Gateways can be reached now, and which of their servers wait for a port that somebody else has."""

from collections.abc import Callable, Iterable

from lateen.compile.codes import Code
from lateen.compile.compiler import Compiler
from lateen.compile.mesh import MESH_PROXY
from lateen.ir.finding import Finding
from lateen.ir.proxy import MESH_GATEWAY, ListeningPort, ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.keys import Key
from lateen.runtime.journal import Entry, Listening, PortTaken
from lateen.runtime.port_guard import Held, PortGuard


class PortBook:
    """Keeps the list of open ports, and tells when it changes."""

    def __init__(self, compiler: Compiler, guard: PortGuard, tell: Callable[[Entry], None]) -> None:
        """Start without ports."""
        self.open: tuple[ListeningPort, ...] = ()
        """Every server that can be reached."""
        self._compiler = compiler
        self._guard = guard
        self._tell = tell

    def note(self) -> None:
        """Look again, and tell if anything has changed."""
        held = self._guard.held
        ports = tuple(port for port in self._wanted() if _listener_of(port) not in held)
        if ports != self.open:
            self.open = ports
            self._tell(Listening(ports))

    def note_taken(self, proxy: ProxyId, listener: ResourceKey, held: Held) -> None:
        """Tell who has the port of a listener."""
        waiting = tuple(port for port in self._wanted() if _listener_of(port) == (proxy, listener))
        self._tell(PortTaken(waiting, held.reason))

    def findings(self, key: Key) -> Iterable[Finding]:
        """Say which servers of a Gateway wait for their port."""
        if not self._guard.held:
            return
        for server in self._compiler.graph.placement.gateway_servers.values.get(key, ()):
            held = self._guard.held.get((server.proxy, ResourceKey(ResourceType.LISTENER, server.listener)))
            if held is not None:
                reason = held.reason or f"port {held.port} is in use"
                message = f"{reason}; this server waits until the port is free"
                path = ("spec", "servers", server.index, "port", "number")
                yield Code.PORT_TAKEN.about(key, message, path)

    def _wanted(self) -> list[ListeningPort]:
        """Every server that wants to listen, whether it may or not."""
        settings = self._compiler.settings
        mesh = ListeningPort(
            proxy=MESH_PROXY,
            gateway=MESH_GATEWAY,
            number=settings.mesh_port,
            address=settings.ports.bind,
            port=settings.mesh_port,
            protocol="HTTP",
            hosts=("*",),
        )
        return [*self._compiler.listening(), *([mesh] if settings.mesh_port else [])]


def _listener_of(port: ListeningPort) -> tuple[ProxyId, ResourceKey]:
    """Name the listener that serves a port."""
    return port.proxy, ResourceKey(ResourceType.LISTENER, f"{port.address}_{port.port}")
