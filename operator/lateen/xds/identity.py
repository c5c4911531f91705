"""Which class of proxies an Envoy belongs to.

The bootstrap says it: `node.cluster` is `namespace/name`, as `ProxyId` prints itself.
The node id names the single Envoy and is only shown. Nothing is authenticated here: who
can reach the socket is trusted.
"""

from typing import Any

from lateen.errors import LateenError
from lateen.ir.proxy import ProxyId


class UnidentifiedNodeError(LateenError):
    """An Envoy does not say which class of proxies it belongs to."""


def identify(node: Any) -> ProxyId:
    """Read the class of proxies from a `core.v3.Node`.

    The name is everything after the first slash: selectors may contain slashes.

    Raises:
        UnidentifiedNodeError: `node.cluster` has another form.
    """
    namespace, slash, name = node.cluster.partition("/")
    if not (namespace and slash and name):
        raise UnidentifiedNodeError(
            f"node.cluster is {node.cluster!r}, but has to be namespace/name of a proxy class (node.id is {node.id!r})",
        )
    return ProxyId(namespace, name)
