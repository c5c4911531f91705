"""Header changes of routes, weighted destinations and whole configurations (istio-semantics §1.2.4)."""

from collections.abc import Sequence
from typing import Final

from lateen.envoy.wire import Fields
from lateen.ir.route import NO_OPS, HeaderOps, Headers

_REPLACE: Final = "OVERWRITE_IF_EXISTS_OR_ADD"


def header_fields(first: HeaderOps, *further: HeaderOps) -> Fields:
    """Return the header fields of a route or destination; several groups of changes are applied in the given order."""
    fields: Fields = {}
    for ops in (first, *further):
        if ops is NO_OPS:
            continue
        _extend(fields, "request_headers_to_add", _additions(ops.request_set, ops.request_add))
        _extend(fields, "request_headers_to_remove", ops.request_remove)
        _extend(fields, "response_headers_to_add", _additions(ops.response_set, ops.response_add))
        _extend(fields, "response_headers_to_remove", ops.response_remove)
    return fields


def _additions(replaced: Headers, appended: Headers) -> list[Fields]:
    options: list[Fields] = [
        {"header": {"key": name, "value": value}, "append_action": _REPLACE} for name, value in replaced
    ]
    options.extend({"header": {"key": name, "value": value}} for name, value in appended)
    return options


def _extend(fields: Fields, name: str, entries: Sequence[Fields | str]) -> None:
    if entries:
        fields.setdefault(name, []).extend(entries)
