"""Which class of proxies an Envoy belongs to.

The bootstrap says it in `namespace/name`, as `ProxyId` prints itself: in `node.cluster`,
where all Envoys of a class are alike and `node.id` tells them apart, or, when
`node.cluster` has no such form, in `node.id`. That is what an Envoy claims; whether its
certificate agrees is for `transport` to say.
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
        UnidentifiedNodeError: neither `node.cluster` nor `node.id` has the form.
    """
    for text in (node.cluster, node.id):
        namespace, _, name = text.partition("/")
        if namespace and name:
            return ProxyId(namespace, name)
    raise UnidentifiedNodeError(
        "node.cluster (or node.id) has to be namespace/name of a proxy class; "
        f"node.cluster is {node.cluster!r}, node.id is {node.id!r}",
    )
