"""Which Gateway a name means, which host meets which.

Rules: istio-semantics §1.1.1, §2.2, §2.3.1.
"""

from collections.abc import Iterable

from lateen.ir.proxy import MESH_GATEWAY
from lateen.model.hosts import subset_of

ANY_NAMESPACE = "*"


def resolve_gateway_name(name: str, namespace: str) -> str:
    """Return `mesh`, or the `namespace/name` that a VirtualService in `namespace` means by `name` (§2.2)."""
    if name == MESH_GATEWAY:
        return name
    if "/" in name:
        return f"{namespace}/{name[2:]}" if name.startswith("./") else name
    if "." in name:  # the old fully qualified form: name.namespace[.svc…]
        parts = name.split(".")
        return f"{parts[1]}/{parts[0]}"
    return f"{namespace}/{name}"


def sanitize_hosts(hosts: Iterable[str], namespace: str) -> tuple[str, ...]:
    """Make namespace prefixes explicit: `./h` is the Gateway's own, `*/h` is none, `*/*` swallows all (§1.1.1)."""
    out: list[str] = []
    for host in hosts:
        prefix, slash, name = host.rpartition("/")
        if not slash:
            out.append(host)
        elif prefix == ANY_NAMESPACE:
            if name == "*":
                return ("*",)
            out.append(name)
        else:
            out.append(f"{namespace if prefix == '.' else prefix}/{name}")
    return tuple(out)


def strip_namespace(host: str) -> str:
    """`ns/h` → `h`."""
    return host.rpartition("/")[2]


def hosts_open_to(hosts: Iterable[str], namespace: str) -> tuple[str, ...]:
    """The server hosts that a VirtualService of `namespace` may attach to, without their prefixes."""
    out: list[str] = []
    for host in hosts:
        prefix, slash, name = host.rpartition("/")
        if not slash or prefix in {namespace, ANY_NAMESPACE}:
            out.append(name)
    return tuple(out)


def intersect(server_hosts: Iterable[str], hosts: Iterable[str]) -> tuple[str, ...]:
    """For each overlapping pair the more specific of the two, in order, without repetition (§2.3.6).

    Two hosts overlap only if one lies within the other: a wildcard stands for the beginning of a name.
    """
    out: dict[str, None] = {}
    wanted = tuple(hosts)
    for server_host in server_hosts:
        for host in wanted:
            if subset_of(server_host, host):
                out[server_host] = None
            elif subset_of(host, server_host):
                out[host] = None
    return tuple(out)
