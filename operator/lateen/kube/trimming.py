"""Cuts objects of an API server down to what is read, so that little is kept and little counts as a change."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from lateen.kube.packed import Packed, pack
from lateen.kube.resources import NETWORKING
from lateen.kube.sighting import Sighting, read_version
from lateen.model.keys import Key, Kind

_Raw: TypeAlias = dict[str, Any]

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_META: Final = ("name", "namespace", "labels", "annotations", "creationTimestamp", "deletionTimestamp", "generation")
_META_OF_WORKLOADS: Final = ("name", "namespace", "labels", "creationTimestamp")
"""Annotations of pods and slices change often, and nobody reads them."""

_SERVICE: Final = (
    "ports",
    "selector",
    "type",
    "externalName",
    "internalTrafficPolicy",
    "trafficDistribution",
)
_ENDPOINT: Final = ("addresses", "nodeName", "zone")
_REFERENCE: Final = ("kind", "name", "namespace")
_CONDITIONS: Final = ("ready", "terminating")
_POD_STATUS: Final = ("phase", "podIP", "podIPs")

_NETWORKING: Final = frozenset(NETWORKING)


def sight(kind: Kind, raw: Mapping[str, Any], *, is_deleted: bool = False) -> Sighting:
    """Look at one object as the API server gives it."""
    metadata = raw["metadata"]
    key = Key(kind, metadata.get("namespace", ""), metadata["name"])
    version = read_version(metadata.get("resourceVersion"))
    uid = metadata.get("uid", "")
    if is_deleted:
        return Sighting(key, version, None, uid=uid)
    generation = metadata.get("generation", 0)
    if kind not in _NETWORKING:
        packed = pack(_TRIM[kind](raw, metadata))
        return Sighting(key, version, Packed(packed), _mark(uid, packed), generation, uid)
    kept = _pick(metadata, _META)
    _forget_last_applied(kept)
    trimmed = {**raw, "metadata": kept}
    status = trimmed.pop("status", None)
    # The generation stands for the spec; hashing that as well would cost more than all the rest.
    return Sighting(key, version, Packed(pack(trimmed)), _mark(uid, pack(kept)), generation, uid, status or None)


def _mark(uid: str, packed: bytes) -> bytes:
    return blake2b(packed, digest_size=12, key=uid.encode()[:64]).digest()


def _pick(found: Mapping[str, Any], names: Iterable[str]) -> _Raw:
    return {name: found[name] for name in names if name in found}


def _forget_last_applied(metadata: _Raw) -> None:
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        metadata["annotations"] = {name: text for name, text in annotations.items() if name != _LAST_APPLIED}


def _trim_service(raw: Mapping[str, Any], metadata: Mapping[str, Any]) -> _Raw:
    kept = _pick(metadata, ("name", "namespace", "labels", "annotations", "creationTimestamp"))
    _forget_last_applied(kept)
    return {"metadata": kept, "spec": _pick(raw.get("spec") or {}, _SERVICE)}


def _trim_slice(raw: Mapping[str, Any], metadata: Mapping[str, Any]) -> _Raw:
    return {
        "metadata": _pick(metadata, _META_OF_WORKLOADS),
        "addressType": raw.get("addressType", ""),
        "endpoints": [_trim_endpoint(each) for each in raw.get("endpoints") or ()],
        "ports": raw.get("ports") or [],
    }


def _trim_endpoint(endpoint: Mapping[str, Any]) -> _Raw:
    kept = _pick(endpoint, _ENDPOINT)
    conditions = endpoint.get("conditions")
    if conditions:
        kept["conditions"] = _pick(conditions, _CONDITIONS)
    target = endpoint.get("targetRef")
    if target:
        kept["targetRef"] = _pick(target, _REFERENCE)
    return kept


def _trim_pod(raw: Mapping[str, Any], metadata: Mapping[str, Any]) -> _Raw:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    containers = [_pick(each, ("name", "ports")) for each in spec.get("containers") or () if each.get("ports")]
    ready = [_pick(each, ("type", "status")) for each in status.get("conditions") or () if each.get("type") == "Ready"]
    return {
        "metadata": _pick(metadata, _META_OF_WORKLOADS),
        "spec": {"containers": containers, **_pick(spec, ("nodeName",))},
        "status": {"conditions": ready, **_pick(status, _POD_STATUS)},
    }


def _trim_secret(raw: Mapping[str, Any], metadata: Mapping[str, Any]) -> _Raw:
    kept = _pick(metadata, ("name", "namespace", "creationTimestamp", "labels"))
    return {"metadata": kept, **_pick(raw, ("type", "data"))}


_TRIM: Final[Mapping[Kind, Callable[[Mapping[str, Any], Mapping[str, Any]], _Raw]]] = {
    Kind.SERVICE: _trim_service,
    Kind.ENDPOINT_SLICE: _trim_slice,
    Kind.POD: _trim_pod,
    Kind.SECRET: _trim_secret,
}
