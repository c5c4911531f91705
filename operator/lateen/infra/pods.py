"""What the inside of a proxy's pod is like: files, ports, and the bootstrap that fits them."""

from dataclasses import dataclass
from typing import Final

from lateen.envoy.bootstrap import BootstrapOptions, bootstrap_text, build_bootstrap
from lateen.envoy.xds_tls import XdsTls
from lateen.infra.base import ProxyPlan
from lateen.ir.deployment import ProxyDeployment
from lateen.semantics.servers import PortRules

CONFIG_FOLDER: Final = "/etc/lateen/bootstrap"
"""Where the ConfigMap is mounted."""
TLS_FOLDER: Final = "/etc/lateen/tls"
"""Where the Secret with the client certificate is mounted."""
BOOTSTRAP: Final = "bootstrap.json"
DRAIN: Final = "drain.sh"

ADMIN_PORT: Final = 15000
"""Admin pages, on loopback."""
STATUS_PORT: Final = 15021
"""Readiness and statistics, for everybody."""
RESERVED_PORTS: Final = frozenset({ADMIN_PORT, STATUS_PORT})
"""What no Gateway can have."""

PORT_RULES: Final = PortRules(shift=10_000, reserved=RESERVED_PORTS)
"""From a Gateway's port to the one that pods bind: those under 1024 need privileges that pods do not have."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Where pods find their configuration."""

    address: str
    """`host:port`."""
    server_name: str
    """Name in its certificate."""
    event_log: str = ""
    """File that ejections of hosts are written to, such as `/dev/stdout`; empty: none."""
    dual_stack: bool = False
    """Pods have addresses of IPv6."""


def plan_pods(deployment: ProxyDeployment, control_plane: ControlPlane) -> ProxyPlan:
    """How the proxies of a class are to run in a cluster.

    Raises:
        InputError: the control plane's address has another shape.
    """
    options = BootstrapOptions(
        xds_address=control_plane.address,
        node_cluster=str(deployment.proxy),
        admin_port=ADMIN_PORT,
        status_port=STATUS_PORT,
        dual_stack=control_plane.dual_stack,
        xds_tls=XdsTls(control_plane.server_name, CONFIG_FOLDER),
        event_log=control_plane.event_log,
    )
    return ProxyPlan(deployment.proxy, bootstrap_text(build_bootstrap(options)), deployment=deployment)
