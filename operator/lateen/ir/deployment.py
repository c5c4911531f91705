"""What it takes to run the proxies of one class in a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lateen.ir.proxy import ProxyId

PROXY_LABEL: Final = "lateen.io/proxy"
"""Label of everything that Lateen makes for a class of proxies; its value is the name of the Deployment."""


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port that clients of the proxies call."""

    name: str
    """Unique among the ports of a Service; at most 15 characters, as Kubernetes wants it."""
    port: int
    """As written in the Gateway."""
    target: int
    """What the proxies bind for it."""


@dataclass(frozen=True, slots=True)
class ProxyDeployment:
    """The proxies of one class: where they run, what selects them, what they listen on."""

    proxy: ProxyId
    namespace: str
    labels: Mapping[str, str]
    """The selector of the Gateways; every pod carries it."""
    ports: tuple[ServicePort, ...] = ()
    """By port number."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Wishes of the Gateways' authors, by the annotation's name without its prefix; the oldest Gateway's wins."""
