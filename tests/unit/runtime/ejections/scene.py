"""A compiled shop with a DestinationRule, two proxies' pods, and what is heard and said about ejections."""

from collections.abc import Iterable

from tests.unit.runtime.stage import EDGE, GATEWAY, Stage, key

from lateen.infra.proxy_events import Cause, HostEjected, HostReturned
from lateen.ir.proxy import ProxyId
from lateen.model.keys import Key, Kind
from lateen.runtime.ejections.facts import ProxyPod

CLUSTER = "outbound|8080|v1|cart.default.svc.cluster.local"
SERVICE = "cart.default.svc.cluster.local/v1"
ONE = ProxyPod("default", "edge-1", EDGE)
TWO = ProxyPod("default", "edge-2", EDGE)
FIRST = "10.0.0.1:80"
SECOND = "10.0.0.2:80"
STRANGER = "10.9.9.9:80"

ROUTES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["shop.example.com"]
  gateways: [edge]
  http: [{route: [{destination: {host: cart, subset: v1, port: {number: 8080}}}]}]
"""
SERVICE_OBJECT = """
apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  clusterIP: 10.1.1.1
  selector: {app: cart}
  ports: [{name: http, port: 8080, targetPort: 80, protocol: TCP}]
"""
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP}]
endpoints:
  - {addresses: [10.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, name: cart-a, namespace: default}}
  - {addresses: [10.0.0.2], conditions: {ready: true}, targetRef: {kind: Pod, name: cart-b, namespace: default}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: cart, version: v1}}
status: {podIP: ADDRESS}
"""
RULE_NAME = Key(Kind.DESTINATION_RULE, "default", "cart")


def pod(name: str, address: str) -> str:
    return POD.replace("NAME", name).replace("ADDRESS", address)


def rule(policy: str = "outlierDetection: {consecutive5xxErrors: 3}", name: str = "cart") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec:
  host: cart
  trafficPolicy: {{{policy}}}
  subsets: [{{name: v1, labels: {{version: v1}}}}]
"""


def shop(policy: str = "outlierDetection: {consecutive5xxErrors: 3}") -> Stage:
    """Compile and publish a shop whose cart has two hosts."""
    stage = Stage()
    stage.apply(
        GATEWAY, ROUTES, SERVICE_OBJECT, SLICE, pod("cart-a", "10.0.0.1"), pod("cart-b", "10.0.0.2"), rule(policy)
    )
    assert key(rule()) == RULE_NAME
    return stage


class Told:
    """Events and changes, as they come."""

    def __init__(self) -> None:
        """Start empty."""
        self.events: list[tuple[Key, str, str, str]] = []
        self.changed: list[Key] = []

    def record(self, key: Key, type_: str, reason: str, message: str) -> None:
        """Hear an Event."""
        self.events.append((key, type_, reason, message))

    def change(self, keys: Iterable[Key]) -> None:
        """Hear of a change."""
        self.changed += keys

    def take(self) -> list[tuple[str, str]]:
        """Give reasons and messages, and forget them."""
        found = [(reason, message) for _, _, reason, message in self.events]
        self.events.clear()
        return found


def ejected(
    at: float = 0.0,
    address: str = FIRST,
    *,
    cause: Cause = Cause.CONSECUTIVE_5XX,
    number: int = 1,
    rested: float | None = None,
    cluster: str = CLUSTER,
) -> HostEjected:
    """What a proxy tells when it ejects a host."""
    return HostEjected(at, cluster, address, cause, number, rested)


def returned(at: float, address: str = FIRST) -> HostReturned:
    """What it tells when the host returns."""
    return HostReturned(at, CLUSTER, address)


OTHER_CLASS = ProxyId("shared", "app=other")
