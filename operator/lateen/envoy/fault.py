"""Fault injection (istio-semantics §1.2.8)."""

from typing import Final

from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault

from lateen.envoy.wire import Fields, duration, packed
from lateen.ir.route import Fault

FAULT_FILTER: Final = "envoy.filters.http.fault"
"""Name of the filter; a route's own settings are found by it."""


def fault_config(fault: Fault) -> Fields:
    """Return the packed settings of one route."""
    fields: Fields = {}
    if fault.delay is not None:
        fields["delay"] = {"fixed_delay": duration(fault.delay), "percentage": per_million(fault.delay_per_million)}
    abort = _abort(fault)
    if abort:
        fields["abort"] = {**abort, "percentage": per_million(fault.abort_per_million)}
    return packed(HTTPFault(**fields))


def _abort(fault: Fault) -> Fields:
    if fault.abort_status is not None:
        return {"http_status": fault.abort_status}
    if fault.abort_grpc_status is not None:
        return {"grpc_status": fault.abort_grpc_status}
    return {}


def per_million(numerator: int) -> Fields:
    """Return the fields of a `FractionalPercent`; the reference truncates percentages to this scale (§6.2 no. 45)."""
    return {"numerator": numerator, "denominator": "MILLION"}
