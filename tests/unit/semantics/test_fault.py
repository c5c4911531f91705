"""Faults: which are injected, and how often."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.route import Fault
from lateen.model.routeaction import FaultSpec
from lateen.model.values import Percent
from lateen.semantics.fault import lower_fault, per_million


@pytest.mark.parametrize(
    ("percent", "share"),
    [(0, 0), (0.0001, 1), (0.29, 2900), (0.57, 5699), (1.13, 11299), (4.02, 40199), (100, 1_000_000)],
)
def test_shares_are_cut_off_and_never_rounded(percent: float, share: int) -> None:
    assert per_million(Percent(percent)) == share


@pytest.mark.parametrize(
    ("fault", "lowered"),
    [
        ({"delay": {"fixedDelay": "2s", "percentage": {"value": 10}}}, Fault(delay=2.0, delay_per_million=100_000)),
        ({"delay": {"fixedDelay": "2s", "percent": 10}}, Fault(delay=2.0, delay_per_million=100_000)),
        (
            {"delay": {"fixedDelay": "2s", "percent": 10, "percentage": {"value": 1}}},
            Fault(delay=2.0, delay_per_million=10_000),
        ),
        ({"delay": {"fixedDelay": "2s"}}, Fault(delay=2.0)),
        (
            {"abort": {"httpStatus": 503, "percentage": {"value": 50}}},
            Fault(abort_status=503, abort_per_million=500_000),
        ),
        ({"abort": {"httpStatus": 503}}, Fault(abort_status=503)),
        ({"abort": {"grpcStatus": "OK"}}, Fault(abort_grpc_status=0)),
        ({"abort": {"grpcStatus": "UNAVAILABLE"}}, Fault(abort_grpc_status=14)),
        ({"abort": {"grpcStatus": "UNAUTHENTICATED"}}, Fault(abort_grpc_status=16)),
        ({"delay": {"fixedDelay": "1s"}, "abort": {"httpStatus": 400}}, Fault(delay=1.0, abort_status=400)),
    ],
)
def test_a_fault_without_a_share_never_happens(fault: dict[str, Any], lowered: Fault) -> None:
    assert lower_fault(decode(FaultSpec, fault)) == lowered


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"delay": {"exponentialDelay": "1s", "percentage": {"value": 1}}},
        {"abort": {"http2Error": "REFUSED_STREAM"}},
        {"abort": {"percentage": {"value": 100}}},
    ],
)
def test_what_envoy_cannot_inject_is_no_fault(fault: dict[str, Any]) -> None:
    assert lower_fault(decode(FaultSpec, fault)) is None


def test_no_block_is_no_fault() -> None:
    assert lower_fault(None) is None
