"""What of a request decides its endpoint."""

from typing import Any

import pytest
from tests.unit.semantics.objects import DOMAIN, rule, subset

from lateen.ir.listener import Tunnel
from lateen.ir.route import HashPolicy, HashSource
from lateen.semantics.destination_rules import EffectiveRule, merge_rules
from lateen.semantics.hashing import NO_TCP_SETTINGS, TcpSettings, hash_policies, tcp_settings


def hashing(**consistent: Any) -> dict[str, Any]:
    return {"loadBalancer": {"consistentHash": consistent}}


def merged(policy: dict[str, Any] | None, **subsets: dict[str, Any]) -> EffectiveRule:
    written = [subset(name, each) for name, each in subsets.items()]
    (found,) = merge_rules([rule("shop/r", "cart", policy, subsets=written)], DOMAIN)
    return found


@pytest.mark.parametrize(
    ("consistent", "expected"),
    [
        ({"httpHeaderName": "x-user"}, HashPolicy(HashSource.HEADER, "x-user")),
        ({"httpQueryParameterName": "user"}, HashPolicy(HashSource.QUERY, "user")),
        ({"useSourceIp": True}, HashPolicy(HashSource.SOURCE_IP)),
        ({"useSourceIp": False}, HashPolicy(HashSource.SOURCE_IP, enabled=False)),
        ({"httpCookie": {"name": "user"}}, HashPolicy(HashSource.COOKIE, "user")),
        (
            {"httpCookie": {"name": "u", "path": "/p", "ttl": "0s", "attributes": [{"name": "a", "value": "b"}]}},
            HashPolicy(HashSource.COOKIE, "u", "/p", 0.0, (("a", "b"),)),
        ),
    ],
)
def test_sources_of_a_hash(consistent: dict[str, Any], expected: HashPolicy) -> None:
    assert hash_policies(merged(hashing(**consistent)), "", None) == (expected,)


def test_without_a_rule_or_a_consistent_hash_nothing_is_hashed() -> None:
    assert hash_policies(None, "", 80) == ()
    assert hash_policies(merged({"loadBalancer": {"simple": "RANDOM"}}), "", 80) == ()


def test_subset_port_then_subset_then_port_then_service() -> None:
    def at_port(name: str) -> dict[str, Any]:
        return {"portLevelSettings": [{"port": {"number": 80}, **hashing(httpHeaderName=name)}]}

    service = {**hashing(httpHeaderName="service"), **at_port("port")}
    own = {**hashing(httpHeaderName="subset"), **at_port("subset-port")}
    found = merged(service, v1=own, v2={"loadBalancer": {"simple": "ROUND_ROBIN"}})

    def name(subset_name: str, port: int | None) -> str:
        return hash_policies(found, subset_name, port)[0].name

    assert name("v1", 80) == "subset-port"
    assert name("v1", None) == "subset"
    assert name("v1", 81) == "subset"
    assert name("", 80) == "port"
    assert name("", None) == "service"
    assert name("v2", None) == "service"


def test_a_hash_of_one_port_needs_a_destination_that_names_the_port() -> None:
    found = merged({"portLevelSettings": [{"port": {"number": 80}, **hashing(httpHeaderName="x")}]})
    assert hash_policies(found, "", None) == ()
    assert len(hash_policies(found, "", 80)) == 1


def test_tcp_chains_take_their_timeouts_from_the_top_level() -> None:
    pool = {"connectionPool": {"tcp": {"idleTimeout": "5s", "maxConnectionDuration": "1m"}}}
    found = merged(pool, v1={"connectionPool": {"tcp": {"idleTimeout": "9s"}}})
    assert tcp_settings(found, "v1", weighted=False) == TcpSettings(5.0, 60.0)
    assert tcp_settings(None, "v1", weighted=False) == NO_TCP_SETTINGS


def test_a_subset_with_a_balancer_decides_about_the_source_ip() -> None:
    found = merged(hashing(useSourceIp=True), v1={"loadBalancer": {"simple": "RANDOM"}}, v2=hashing(useSourceIp=True))
    assert [tcp_settings(found, name, weighted=False).hash_source_ip for name in ("", "v1", "v2")] == [
        True,
        False,
        True,
    ]


def test_a_tunnel_is_the_subsets_own_unless_the_destinations_are_weighted() -> None:
    def to(host: str, protocol: str = "CONNECT") -> dict[str, Any]:
        return {"tunnel": {"targetHost": host, "targetPort": 80, "protocol": protocol}}

    found = merged(to("service"), v1=to("subset", "POST"), v2={"loadBalancer": {"simple": "RANDOM"}})
    assert tcp_settings(found, "", weighted=False).tunnel == Tunnel("service:80")
    assert tcp_settings(found, "v1", weighted=False).tunnel == Tunnel("subset:80", use_post=True)
    assert tcp_settings(found, "v2", weighted=False).tunnel is None
    assert tcp_settings(found, "v1", weighted=True).tunnel == Tunnel("service:80")


def test_a_hash_of_nothing_is_none() -> None:
    assert hash_policies(merged(hashing(minimumRingSize=5)), "", None) == ()
