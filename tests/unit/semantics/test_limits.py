"""What cannot be honoured is said."""

from tests.unit.semantics.objects import entry, rule, service, subset

from lateen.model.objects import Severity, print_path
from lateen.semantics.limits import entry_limits, rule_limits, service_limits


def test_tls_that_cannot_be_configured_is_an_error_at_each_place_it_is_written() -> None:
    tls = {"tls": {"mode": "ISTIO_MUTUAL"}}
    policy = {**tls, "portLevelSettings": [{"port": {"number": 80}, **tls}]}
    found = rule_limits(rule("shop/r", "cart", policy, subsets=[subset("v1", tls)]).spec)
    assert [print_path(problem.path) for problem in found] == [
        "spec.trafficPolicy.tls",
        "spec.trafficPolicy.portLevelSettings[0].tls",
        "spec.subsets[0].trafficPolicy.tls",
    ]
    assert {problem.severity for problem in found} == {Severity.ERROR}


def test_blocks_without_effect_are_warned_of() -> None:
    policy = {
        "outlierDetection": {},
        "circuitBreaker": {"consecutiveErrors": 3},
        "loadBalancer": {"backendUtilization": {}},
    }
    found = rule_limits(rule("shop/r", "cart", policy).spec)
    assert [print_path(problem.path) for problem in found] == [
        "spec.trafficPolicy.circuitBreaker",
        "spec.trafficPolicy.loadBalancer.backendUtilization",
    ]
    assert {problem.severity for problem in found} == {Severity.WARNING}


def test_a_rule_that_can_be_honoured_has_nothing_to_say() -> None:
    assert rule_limits(rule("shop/r", "cart", {"tls": {"mode": "SIMPLE"}}).spec) == ()


def test_resolutions_without_endpoints_are_told() -> None:
    severities = {
        resolution: [problem.severity for problem in entry_limits(entry("a/b", ["*.com"], resolution=resolution).spec)]
        for resolution in ("STATIC", "NONE", "DYNAMIC_DNS")
    }
    assert severities == {"STATIC": [], "NONE": [Severity.WARNING], "DYNAMIC_DNS": [Severity.ERROR]}


def test_endpoints_of_the_own_node_cannot_be_told_apart() -> None:
    assert len(service_limits(service("a/b", internalTrafficPolicy="Local").spec)) == 1
    assert service_limits(service("a/b").spec) == ()


def test_a_rule_is_looked_at_only_where_it_has_a_policy() -> None:
    refused = {"tls": {"mode": "ISTIO_MUTUAL"}}
    found = rule_limits(rule("shop/r", "cart", None, subsets=[subset("v1"), subset("v2", refused)]).spec)
    assert [print_path(problem.path) for problem in found] == ["spec.subsets[1].trafficPolicy.tls"]
