"""Names and labels of what is made in a cluster for one class of proxies."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.proxy import ProxyId

PREFIX: Final = "lateen-"
LONGEST: Final = 50
"""Characters of an object's name: pods add a hash and a number, the certificate's Secret an ending."""

INSTANCE: Final = "lateen.io/instance"
"""Label: the namespace of the operator that made the object."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
CLASS: Final = "lateen.io/class"
"""Annotation: the selector of the class as text, which labels cannot hold."""
APPLIED: Final = "lateen.io/applied"
"""Annotation: a hash of what was applied."""

_HASH: Final = 8
_COMMON: Final = "istio="
_VALUE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_HASHED: Final = re.compile(rf"(?:.*-)?[0-9a-f]{{{_HASH}}}")
_UNSAFE: Final = re.compile(r"[^a-z0-9]+")
_TAKEN: Final = frozenset({"ca", "cleanup", "dashboard", "operator", "peers", "webhook", "xds"})
"""Endings of what the operator's own chart makes beside its proxies."""


def object_name(proxy: ProxyId) -> str:
    """The name of the Deployment and of all that goes with it: a DNS label of at most 50 characters.

    `lateen-ingressgateway` for `istio=ingressgateway`; other selectors add a hash to what can be
    kept of their text, so that different selectors of a namespace have different names.
    """
    value = proxy.name.removeprefix(_COMMON)
    plain = proxy.name.startswith(_COMMON) and _VALUE.fullmatch(value) and len(PREFIX + value) <= LONGEST
    if plain and value not in _TAKEN and not _HASHED.fullmatch(value):
        return PREFIX + value
    digest = sha256(proxy.name.encode()).hexdigest()[:_HASH]
    slug = _UNSAFE.sub("-", proxy.name.lower()).strip("-")[: LONGEST - len(PREFIX) - _HASH - 1].strip("-")
    return PREFIX + "-".join(filter(None, (slug, digest)))


def secret_name(proxy: ProxyId) -> str:
    """The Secret with the certificate that the proxies show the control plane."""
    return f"{object_name(proxy)}-xds"


def operator_labels(instance: str) -> Mapping[str, str]:
    """The labels of everything that one operator has made, and nobody else.

    Args:
        instance: the operator's namespace.
    """
    return {MANAGED_BY: "lateen", INSTANCE: instance}


def labels_of(proxy: ProxyId, instance: str) -> Mapping[str, str]:
    """The labels by which what was made for a class is found again.

    Args:
        proxy: the class.
        instance: the operator's namespace.
    """
    return {**operator_labels(instance), PROXY_LABEL: object_name(proxy)}
