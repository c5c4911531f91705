"""Fault injection (istio-semantics §1.2.8)."""

from lateen.ir.route import Fault
from lateen.model.routeaction import FaultSpec
from lateen.model.values import Percent
from lateen.validation.routeaction import GRPC_STATUSES

MILLION_PER_PERCENT = 10_000


def per_million(percent: Percent) -> int:
    """Truncate, never round: 0.57 % is 5699 per million (§6.45)."""
    return int((percent.value or 0.0) * MILLION_PER_PERCENT)


def lower_fault(spec: FaultSpec | None) -> Fault | None:
    """Lower a `fault` block; None when it asks for nothing that Envoy can do."""
    if spec is None:
        return None
    delay, share = None, 0
    if spec.delay is not None and spec.delay.fixed_delay is not None:
        delay = spec.delay.fixed_delay
        if spec.delay.percentage is not None:
            share = per_million(spec.delay.percentage)
        else:
            share = (spec.delay.percent or 0) * MILLION_PER_PERCENT
    status, grpc, aborted = None, None, 0
    if spec.abort is not None and (spec.abort.http_status is not None or spec.abort.grpc_status):
        status = spec.abort.http_status
        grpc = GRPC_STATUSES.index(spec.abort.grpc_status) if status is None and spec.abort.grpc_status else None
        aborted = per_million(spec.abort.percentage) if spec.abort.percentage is not None else 0
    if delay is None and status is None and grpc is None:
        return None
    return Fault(delay, share, status, grpc, aborted)
