"""A control loop with proxies that do as they are told: what tests of the runtime talk to."""

from collections.abc import Iterable
from pathlib import Path

from lateen.compile.compiler import Compiler
from lateen.infra.base import ProxyPlan, ProxyState
from lateen.infra.memory import MemoryProxyRunner
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.keys import Key
from lateen.model.objects import Change, Origin
from lateen.runtime.app import build_intake, compile_settings
from lateen.runtime.control import Control
from lateen.runtime.journal import Entry, Journal
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.port_guard import PortProbe
from lateen.runtime.seams import Alone, Others, Seams
from lateen.settings import UpSettings
from lateen.sources.yaml_documents import read_documents
from lateen.status.base import MemoryStatusSink
from lateen.xds.cache import ResourceCache
from lateen.xds.delta import DeltaStream
from lateen.xds.events import Connected, Disconnected, StreamId
from lateen.xds.messages import Request, Response
from lateen.xds.patience import GracePeriods

EDGE = ProxyId("shared", "app=edge")
BY_NAME = (ResourceType.ENDPOINTS, ResourceType.SECRET, ResourceType.ROUTE)

GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers:
    - port: {number: 80, name: http, protocol: HTTP}
      hosts: ["shop.example.com"]
"""
ROUTES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["shop.example.com"]
  gateways: [edge]
  http:
    - match: [{uri: {prefix: /cart}}]
      route: [{destination: {host: cart, port: {number: 8080}}}]
"""
CART = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart}
spec:
  hosts: [cart.default.svc.cluster.local]
  ports: [{number: 8080, name: http, protocol: HTTP}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 127.0.0.1, ports: {http: 18080}}]
"""
SETTINGS = UpSettings(paths=(Path("shop"),))


def objects(*texts: str, file: str = "shop.yaml") -> list[Change]:
    """Read what would stand in one file."""
    text = "---".join(texts)
    intake = build_intake(SETTINGS)
    changes = []
    for document in read_documents(text, file).documents:
        key = intake.identify(document.raw)
        assert isinstance(key, Key), key
        changes.append(Change(key, document.raw, Origin(file, document.line, document.index)))
    return changes


def key(text: str) -> Key:
    """Name the only object of a text."""
    (change,) = objects(text)
    return change.key


class Proxy:
    """An Envoy that asks for everything, and accepts it unless told otherwise."""

    def __init__(self, stage: "Stage", proxy: ProxyId) -> None:
        """Connect."""
        stage.numbers += 1
        desired = stage.cache.desired(proxy)
        assert desired is not None, f"no such class: {proxy}"
        self._desired = desired
        self._changed: dict[ResourceKey, None] = {}
        self._stage = stage
        self.refuses: dict[str, str] = {}
        """Names of resources with what it says to them."""
        self.has: dict[ResourceKey, bytes] = {}
        self._asked: set[tuple[ResourceType, str]] = set()
        self._end = stage.cache.subscribe(proxy, lambda keys: self._changed.update(dict.fromkeys(keys)))
        self.stream = DeltaStream(
            StreamId(proxy, str(proxy), stage.numbers),
            self._desired,
            clock=lambda: stage.now,
            observer=stage.control.observe,
            patience=GracePeriods(farewell=0.0),
        )
        stage.streams.append(self.stream)
        stage.control.observe(Connected(self.stream.stream))

    def run(self) -> None:
        """Take what there is, until nothing comes any more."""
        for type_ in (ResourceType.CLUSTER, ResourceType.LISTENER, ResourceType.SCOPE):
            self._take(self.stream.on_request(Request(type_)))
        for _ in range(20):
            changed, self._changed = tuple(self._changed), {}
            self._take(self.stream.on_change(changed))
            for type_ in BY_NAME:
                names = [name for name in self._desired.names(type_) if (type_, name) not in self._asked]
                if names:
                    self._asked.update((type_, name) for name in names)
                    self._take(self.stream.on_request(Request(type_, subscribe=tuple(names))))

    def disconnect(self) -> None:
        """Go away without a word."""
        self._end()
        self._stage.streams.remove(self.stream)
        self._stage.control.observe(Disconnected(self.stream.stream))

    def _take(self, responses: Iterable[Response]) -> None:
        queue = list(responses)
        while queue:
            response = queue.pop(0)
            refused = [self.refuses[item.name] for item in response.items if item.name in self.refuses]
            if not refused:
                for item in response.items:
                    self.has[ResourceKey(response.type, item.name)] = item.body
                for name in response.removed:
                    self.has.pop(ResourceKey(response.type, name), None)
            queue += self.stream.on_request(
                Request(response.type, nonce=response.nonce, error=refused[0] if refused else None)
            )


class Stage:
    """A control loop, what it says, and the time."""

    def __init__(
        self,
        settings: UpSettings = SETTINGS,
        *,
        ports: PortProbe | None = None,
        journal: Journal | None = None,
        runner: MemoryProxyRunner | None = None,
        scales: bool = False,
        removal_delay: float = 0.0,
        others: Others | None = None,
    ) -> None:
        """Put the parts together."""
        self.now = 0.0
        self.numbers = 0
        self.streams: list[DeltaStream] = []
        self.entries: list[Entry] = []
        self.cache = ResourceCache()
        self.status = MemoryStatusSink()
        self.runner = runner or MemoryProxyRunner(self._on_state)
        self.control = Control(
            Compiler(compile_settings(settings), build_intake(settings)),
            self.cache,
            Seams(
                self.runner,
                self.status,
                AlwaysLeader(),
                journal or self.entries.append,
                ports,
                others=others or Alone(),
                scales=scales,
                removal_delay=removal_delay,
            ),
            plan=lambda proxy: ProxyPlan(proxy, "{}"),
            streams=lambda proxy: tuple(each for each in self.streams if each.stream.proxy == proxy),
            clock=lambda: self.now,
        )

    def _on_state(self, state: ProxyState) -> None:
        self.control.on_proxy(state)

    def apply(self, *texts: str, file: str = "shop.yaml") -> None:
        """Add or change objects."""
        self.control.take(objects(*texts, file=file))
        self.control.flush()

    def remove(self, *texts: str) -> None:
        """Take objects away."""
        self.control.take([Change(change.key, None) for change in objects(*texts)])
        self.control.flush()

    def connect(self, proxy: ProxyId = EDGE) -> Proxy:
        """Let an Envoy connect."""
        return Proxy(self, proxy)

    def told(self, sort: type[Entry]) -> list[Entry]:
        """List the entries of one sort so far."""
        return [entry for entry in self.entries if isinstance(entry, sort)]
