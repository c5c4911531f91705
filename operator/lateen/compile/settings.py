"""What the compiler may depend on besides objects. Constant for the life of a graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from lateen.envoy.tls import SYSTEM_TRUST_FILE
from lateen.ir.proxy import Proxy
from lateen.semantics.proxy_options import Permission
from lateen.semantics.secrets import CheckPair, accept_pair
from lateen.semantics.servers import PortRules


class ProxyScope(Enum):
    """When two Gateways with one selector share a proxy."""

    NAMESPACE = auto()
    """If they are in one namespace too: a proxy per (namespace, selector)."""
    SHARED = auto()
    """Always: a proxy per selector."""


@dataclass(frozen=True, slots=True)
class CompileSettings:
    """Settings of one compiler."""

    domain: str = "cluster.local"
    """Suffix of Kubernetes service names."""

    root_namespace: str = "istio-system"
    """Namespace whose DestinationRules apply where no closer one does."""

    connect_timeout: float = 10.0
    """Seconds to connect to an endpoint, where no DestinationRule says otherwise."""

    proxy_scope: ProxyScope = ProxyScope.SHARED
    """When two Gateways with one selector share a proxy."""

    shared_namespace: str = ""
    """Where shared proxies run, and find Secrets; only Gateways of it tune them. Empty: where the oldest Gateway is."""

    options: tuple[str, ...] = ("*",)
    """What Gateways may change of their proxies; `*`: anything."""

    deploys: bool = False
    """Lateen runs the proxies in a cluster, so that Services of others in front of them translate ports."""

    pod_labels: Mapping[str, str] = field(default_factory=dict)
    """What the pods of all proxies are labelled with, besides the selector of their Gateways."""

    proxies: tuple[Proxy, ...] = ()
    """Proxies that somebody else runs; empty: one per selector of a Gateway."""

    ports: PortRules = field(default_factory=PortRules)
    """From a server's port to the port that is bound."""

    one_host: bool = False
    """All proxies run on one machine, so two of them cannot bind one port."""

    system_trust_file: str = SYSTEM_TRUST_FILE
    """The authorities of the machine that the proxies run on, PEM."""

    mesh_port: int = 0
    """Port of the outbound proxy for service-to-service rules; 0: there is none."""

    mesh_namespace: str = "default"
    """Namespace that the outbound proxy's callers are in."""

    check_pair: CheckPair = field(default=accept_pair, compare=False)
    """Finds fault with certificates and keys before proxies are given them: Envoy takes a key that does not fit."""

    event_log: str = ""
    """Path that proxies write overflows of connection pools to; empty: nowhere."""

    @property
    def permission(self) -> Permission:
        """Who may wish what of proxies."""
        shared = self.proxy_scope is ProxyScope.SHARED
        return Permission(self.options, namespace=self.shared_namespace if shared else "")
