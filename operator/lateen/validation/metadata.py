"""Reads `metadata`: labels, annotations, age (istio-semantics §4.1)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from lateen.model.keys import Key
from lateen.model.objects import Meta, Problem, RawObject, Severity
from lateen.validation.decoding import show

_REFUSED: Final = {
    "internal.istio.io/always-reject": "asks for the object to be refused",
    "internal.istio.io/parent-namespace": "is reserved for objects that a control plane generates",
    "internal.istio.io/parents": "is reserved for objects that a control plane generates",
    "istio.io/dry-run": "is possible for an AuthorizationPolicy only",
}

_IDLE: Final = {
    "internal.istio.io/gateway-service": "is not followed: proxies are chosen by the selector alone",
    "internal.istio.io/route-semantics": "is not followed: rules are read as a person writes them",
}

ISTIO_FIELDS: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
"""What an object of an Istio kind consists of."""


def read_meta(key: Key, raw: RawObject) -> tuple[Meta, tuple[Problem, ...]]:
    """Read what behaviour depends on. Entries that are not text are left out and reported."""
    metadata = raw.get("metadata")
    if not isinstance(metadata, Mapping):
        return Meta(key.namespace, key.name), ()
    problems: list[Problem] = []
    labels = _texts(metadata, "labels", problems)
    annotations = _texts(metadata, "annotations", problems)
    created = metadata.get("creationTimestamp")
    if isinstance(created, datetime):
        created = created.isoformat().replace("+00:00", "Z")
    if not isinstance(created, str):
        created = ""
    return Meta(key.namespace, key.name, labels, annotations, created), tuple(problems)


def read_generation(raw: RawObject) -> int:
    """`metadata.generation`; 0 if there is none."""
    metadata = raw.get("metadata")
    generation = metadata.get("generation") if isinstance(metadata, Mapping) else None
    return generation if type(generation) is int else 0


def _texts(metadata: Mapping[str, Any], name: str, problems: list[Problem]) -> Mapping[str, str]:
    written = metadata.get(name)
    if written is None:
        return {}
    if not isinstance(written, Mapping):
        problems.append(Problem(("metadata", name), f"a mapping is expected, not {show(written)}"))
        return {}
    wrong = [key for key, value in written.items() if not (isinstance(key, str) and isinstance(value, str))]
    if not wrong:
        return written
    problems.extend(
        Problem(("metadata", name, str(key)), f"text is expected, not {show(written[key])}")
        for key in wrong
        if written[key] is not None
    )
    return {key: value for key, value in written.items() if isinstance(key, str) and isinstance(value, str)}


def check_istio_object(meta: Meta, raw: RawObject) -> Iterator[Problem]:
    """Rules for every Istio kind: no unknown parts, none of the annotations that make an object invalid."""
    for name in raw:
        if name not in ISTIO_FIELDS:
            yield Problem((name,), f"unknown field {name!r} beside apiVersion, kind, metadata, spec and status")
    for name, why in _REFUSED.items():
        if name in meta.annotations:
            yield Problem(("metadata", "annotations", name), f"the annotation {name!r} {why}")
    for name, why in _IDLE.items():
        if name in meta.annotations:
            yield Problem(("metadata", "annotations", name), f"the annotation {name!r} {why}", Severity.WARNING)
