"""Which block wins: subset, port, whole service."""

from typing import Any

from tests.unit.semantics.objects import DOMAIN, rule, subset

from lateen.model.destinationrule import SimpleLb
from lateen.semantics.destination_rules import merge_rules
from lateen.semantics.policy import NO_POLICY, EffectivePolicy, effective_policy, port_policy

ROUND_ROBIN = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
OUTLIER = {"outlierDetection": {"consecutive5xxErrors": 3}}
TLS = {"tls": {"mode": "SIMPLE"}}


def effective(
    policy: dict[str, Any] | None, name: str = "", port: int = 80, **subsets: dict[str, Any]
) -> EffectivePolicy:
    written = [subset(key, value) for key, value in subsets.items()]
    (found,) = merge_rules([rule("shop/cart", "cart", policy, subsets=written)], DOMAIN)
    return effective_policy(found, name, port)


def test_without_a_rule_there_is_no_policy() -> None:
    assert effective_policy(None, "", 80) == NO_POLICY


def test_a_port_entry_replaces_the_whole_policy_for_its_port() -> None:
    policy = {**OUTLIER, "proxyProtocol": {"version": "V2"}, "portLevelSettings": [{"port": {"number": 80}, **TLS}]}
    found = effective(policy)
    assert found.tls is not None
    assert found.ejection is None
    assert found.proxy_protocol is None
    assert effective(policy, port=81).ejection is not None


def test_blocks_of_a_subset_replace_those_of_the_service() -> None:
    pool = {"connectionPool": {"tcp": {"maxConnections": 7}}}
    found = effective({**OUTLIER, **pool}, "v1", v1={**ROUND_ROBIN, "connectionPool": {"http": {"maxRetries": 2}}})
    assert found.ejection is not None
    assert found.load_balancer is not None
    assert found.load_balancer.simple is SimpleLb.ROUND_ROBIN
    assert found.connection_pool is not None
    assert found.connection_pool.tcp is None


def test_a_port_entry_of_a_subset_stands_for_all_four_blocks() -> None:
    own = {"portLevelSettings": [{"port": {"number": 80}, **TLS}]}
    policy = {**OUTLIER, "retryBudget": {"percent": 5}}
    found = effective(policy, "v1", v1=own)
    assert found.tls is not None
    assert found.ejection is None
    assert found.retry_budget is not None
    assert effective(policy, "v1", port=81, v1=own).ejection is not None


def test_a_subset_inherits_from_the_port_entry_of_the_service() -> None:
    policy = {**OUTLIER, "portLevelSettings": [{"port": {"number": 9090}, **TLS}]}
    pool = {"connectionPool": {"http": {"maxRequestsPerConnection": 5}}}
    found = effective(policy, "s1", 9090, s1=pool)
    assert found.tls is not None
    assert found.connection_pool is not None
    assert found.ejection is None


def test_the_older_circuit_breaker_block_means_errors_5xx_in_a_row() -> None:
    breaker = {"consecutiveErrors": 3, "interval": "30s", "baseEjectionTime": "1m", "maxEjectionPercent": 50}
    found = effective({"circuitBreaker": breaker}).ejection
    assert found is not None
    assert (found.consecutive_5xx_errors, found.interval, found.base_ejection_time) == (3, 30.0, 60.0)
    assert found.max_ejection_percent == 50


def test_outlier_detection_decides_alone_where_both_are_written() -> None:
    found = effective({**OUTLIER, "circuitBreaker": {"consecutiveErrors": 9}}).ejection
    assert found is not None
    assert found.consecutive_5xx_errors == 3


def test_without_a_policy_there_is_none_for_a_port() -> None:
    assert port_policy(None, 80) is None
    found = merge_rules([rule("shop/cart", "cart", {"portLevelSettings": [{"port": {"number": 80}, **TLS}]})], DOMAIN)
    assert port_policy(found[0].policy, 81) is None
    assert port_policy(found[0].policy, 80) is not None
