"""Names an object: which kind a document is of, and where it belongs."""

import re
from collections.abc import Mapping
from typing import Final

from lateen.model.keys import Key, Kind
from lateen.model.objects import Problem, RawObject, Severity
from lateen.validation.decoding import show
from lateen.validation.syntax import is_dns_label

ISTIO: Final = "networking.istio.io"

_KINDS: Final = {
    (ISTIO, "Gateway"): Kind.GATEWAY,
    (ISTIO, "VirtualService"): Kind.VIRTUAL_SERVICE,
    (ISTIO, "DestinationRule"): Kind.DESTINATION_RULE,
    (ISTIO, "ServiceEntry"): Kind.SERVICE_ENTRY,
    (ISTIO, "WorkloadEntry"): Kind.WORKLOAD_ENTRY,
    (ISTIO, "Sidecar"): Kind.SIDECAR,
    ("", "Service"): Kind.SERVICE,
    ("", "Pod"): Kind.POD,
    ("", "Secret"): Kind.SECRET,
    ("discovery.k8s.io", "EndpointSlice"): Kind.ENDPOINT_SLICE,
}
_VERSIONS: Final = {
    ISTIO: ("v1", "v1beta1", "v1alpha3"),
    "": ("v1",),
    "discovery.k8s.io": ("v1",),
}
_NOT_YET: Final = frozenset({"EnvoyFilter", "WorkloadGroup", "ProxyConfig"})
_OBJECT_NAME: Final = re.compile(r"[a-zA-Z0-9](?:[-.a-zA-Z0-9]*[a-zA-Z0-9])?")
_NAME_LENGTH: Final = 253


def identify(raw: RawObject, default_namespace: str = "default") -> Key | Problem:
    """Name an object by its `apiVersion`, `kind` and `metadata`, without looking at anything else.

    Returns:
        The key; or why there is none: an error for an object that Lateen should read and
        cannot, a warning or information for a kind that it does not read.
    """
    if not isinstance(raw, Mapping):
        return Problem((), f"an object is expected, not {show(raw)}")
    kind = _identify_kind(raw)
    if isinstance(kind, Problem):
        return kind
    metadata = raw.get("metadata")
    if not isinstance(metadata, Mapping):
        return Problem(("metadata",), f"a mapping with the object's name is expected, not {show(metadata)}")
    name = metadata.get("name")
    if not isinstance(name, str) or len(name) > _NAME_LENGTH or _OBJECT_NAME.fullmatch(name) is None:
        return Problem(
            ("metadata", "name"),
            f"a name of letters, digits, inner hyphens and dots is expected, not {show(name)}",
        )
    namespace = metadata.get("namespace")
    if namespace is None or namespace == "":
        namespace = default_namespace
    if not isinstance(namespace, str) or not is_dns_label(namespace):
        return Problem(("metadata", "namespace"), f"a DNS label is expected, not {show(namespace)}")
    return Key(kind, namespace, name)


def _identify_kind(raw: RawObject) -> Kind | Problem:
    api_version, kind = raw.get("apiVersion"), raw.get("kind")
    for name, value in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(value, str) or not value:
            return Problem((name,), f"text is expected, not {show(value)}" if name in raw else f"{name!r} is required")
    group, _, version = str(api_version).rpartition("/")
    known = _KINDS.get((group, str(kind)))
    if known is None:
        return _explain_unknown(group, str(kind))
    if version not in _VERSIONS[group]:
        return Problem(("apiVersion",), f"{kind} has the versions {', '.join(_VERSIONS[group])}, not {version!r}")
    return known


def _explain_unknown(group: str, kind: str) -> Problem:
    if group == ISTIO and kind in _NOT_YET:
        return Problem(("kind",), f"{kind} is not supported yet")
    if group == ISTIO:
        listed = ", ".join(name for its_group, name in _KINDS if its_group == ISTIO)
        return Problem(("kind",), f"unknown kind {kind!r}; Lateen reads {listed}")
    if group.endswith(".istio.io"):
        return Problem(("kind",), f"{kind} of {group} is not read by Lateen and has no effect", Severity.WARNING)
    where = f" of {group}" if group else ""
    return Problem(("kind",), f"{kind}{where} is not read by Lateen", Severity.INFO)
