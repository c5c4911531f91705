"""Header operations of a rule or a destination (istio-semantics §1.2.4)."""

from collections.abc import Mapping

from lateen.ir.route import NO_OPS, HeaderOps, Headers
from lateen.model.routeaction import HeaderOperations, HeadersSpec

AUTHORITY = frozenset({"host", ":authority"})


def _pairs(values: Mapping[str, str]) -> Headers:
    return tuple((name, values[name]) for name in sorted(values) if not _is_special(name))


def _is_special(name: str) -> bool:
    """Pseudo-headers and Host are never changed as headers."""
    return name.startswith(":") or name.lower() == "host"


def _removals(operations: HeaderOperations | None) -> tuple[str, ...]:
    return tuple(name for name in operations.remove if not _is_special(name)) if operations else ()


def header_ops(spec: HeadersSpec | None) -> HeaderOps:
    """Lower one `headers` block; `set` before `add`, each sorted by name."""
    if spec is None:
        return NO_OPS
    request, response = spec.request, spec.response
    return HeaderOps(
        request_set=_pairs(request.set) if request else (),
        request_add=_pairs(request.add) if request else (),
        request_remove=_removals(request),
        response_set=_pairs(response.set) if response else (),
        response_add=_pairs(response.add) if response else (),
        response_remove=_removals(response),
    )


def authority_of(spec: HeadersSpec | None) -> str:
    """The Host that request `set` or `add` asks for; `set` wins; empty for none."""
    if spec is None or spec.request is None:
        return ""
    for values in (spec.request.set, spec.request.add):
        for name in sorted(values):
            if name.lower() in AUTHORITY:
                return values[name]
    return ""
