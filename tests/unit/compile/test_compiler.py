"""The compiler as everybody uses it: raw changes in, resources and findings out."""

from typing import Any

import pytest
from tests.unit.compile.site import EDGE
from tests.unit.semantics.objects import virtual_service

from lateen.compile.compiler import Compiler, Outcome
from lateen.compile.compiler import compile as compile_all
from lateen.compile.settings import CompileSettings
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, RawObject
from lateen.validation.intake import Intake

INTAKE = Intake()
GATEWAY = Key(Kind.GATEWAY, "edge", "gw")
RULE = Key(Kind.VIRTUAL_SERVICE, "shop", "web")
SERVICE = Key(Kind.SERVICE, "shop", "cart")
PEM = "-----BEGIN X-----"


def change(kind: Kind, path: str, **parts: Any) -> Change:
    """Write one object as a file has it."""
    namespace, name = path.split("/")
    versions = {Kind.SERVICE: "v1", Kind.SECRET: "v1"}
    raw: RawObject = {
        "apiVersion": versions.get(kind, "networking.istio.io/v1"),
        "kind": kind.value,
        "metadata": {"name": name, "namespace": namespace},
        **parts,
    }
    return Change(Key(kind, namespace, name), raw)


def gateway(*servers: dict[str, Any]) -> Change:
    listed = list(servers) or [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]
    return change(Kind.GATEWAY, "edge/gw", spec={"selector": {"istio": "ingressgateway"}, "servers": listed})


def rule(status: int = 200, path: str = "shop/web", **fields: Any) -> Change:
    http = [{"directResponse": {"status": status}}]
    return change(
        Kind.VIRTUAL_SERVICE, path, spec={"hosts": ["a.com"], "gateways": ["edge/gw"], "http": http, **fields}
    )


@pytest.fixture
def compiler() -> Compiler:
    return Compiler(CompileSettings(), INTAKE)


def codes(outcome: Outcome, key: Key) -> list[str]:
    return [finding.code for finding in outcome.findings[key]]


def changed(outcome: Outcome) -> dict[str, bool]:
    """The resources that a batch changed, by name; whether they are there now."""
    return {key.name: row is not None for rows in outcome.resources.values() for key, row in rows.items()}


def test_a_batch_says_what_it_changed(compiler: Compiler) -> None:
    outcome = compiler.apply([gateway(), rule()])
    assert (outcome.accepted, outcome.refused, outcome.removed) == ((GATEWAY, RULE), (), ())
    assert changed(outcome) == {"0.0.0.0_80": True, "http.80/a.com": True, "http.80|a.com": True}
    assert list(outcome.proxies) == [EDGE]
    assert outcome.findings == {GATEWAY: (), RULE: ()}
    assert outcome.recomputed > 0
    again = compiler.apply([rule(404)])
    assert changed(again) == {"http.80/a.com": True}
    assert again.proxies == {}


def test_compiling_everything_at_once_is_one_batch() -> None:
    compiler, outcome = compile_all([gateway(), rule()], CompileSettings(), INTAKE)
    held = compiler.resources(EDGE)
    assert held == {key: row for key, row in outcome.resources[EDGE].items() if row is not None}
    assert {key.type for key in held} == {ResourceType.LISTENER, ResourceType.SCOPE, ResourceType.ROUTE}


def test_what_is_removed_takes_its_resources_along(compiler: Compiler) -> None:
    compiler.apply([gateway(), rule()])
    outcome = compiler.apply([Change(RULE, None)])
    assert (outcome.removed, changed(outcome)) == ((RULE,), {"http.80/a.com": False, "http.80|a.com": False})
    outcome = compiler.apply([Change(GATEWAY, None)])
    assert outcome.proxies == {EDGE: None}
    assert compiler.resources(EDGE) == {}


def test_a_refused_object_keeps_its_last_good_version(compiler: Compiler) -> None:
    compiler.apply([gateway(), rule()])
    before = compiler.resources(EDGE)
    outcome = compiler.apply([rule(9999)])
    assert (outcome.accepted, outcome.refused, outcome.resources) == ((), (RULE,), {})
    assert codes(outcome, RULE) == ["LAT0101"]
    assert compiler.resources(EDGE) == before
    assert codes(compiler.apply([rule(404)]), RULE) == []


def test_a_refused_object_that_is_removed_is_forgotten(compiler: Compiler) -> None:
    compiler.apply([gateway(), rule(9999)])
    outcome = compiler.apply([Change(RULE, None)])
    assert outcome.findings == {RULE: ()}
    assert compiler.findings_of(RULE) == ()


def test_the_last_of_several_changes_of_one_object_counts(compiler: Compiler) -> None:
    compiler.apply([gateway(), rule(404), rule(200), Change(RULE, None), rule(201)])
    other, _ = compile_all([gateway(), rule(201)], CompileSettings(), INTAKE)
    assert compiler.resources(EDGE) == other.resources(EDGE)


def test_kinds_that_are_only_checked_are_accepted_and_removed(compiler: Compiler) -> None:
    sidecar = change(Kind.SIDECAR, "shop/default", spec={"egress": [{"hosts": ["./*"]}]})
    outcome = compiler.apply([sidecar])
    assert (outcome.accepted, outcome.recomputed) == ((sidecar.key,), 0)
    assert compiler.apply([Change(sidecar.key, None)]).removed == (sidecar.key,)


def test_a_change_elsewhere_brings_the_findings_that_it_changes(compiler: Compiler) -> None:
    http = [{"route": [{"destination": {"host": "cart"}}]}]
    outcome = compiler.apply([gateway(), rule(http=http)])
    assert codes(outcome, RULE) == ["LAT0303"]
    outcome = compiler.apply([change(Kind.SERVICE, "shop/cart", spec={"ports": [{"port": 80, "name": "http"}]})])
    assert outcome.findings == {SERVICE: (), RULE: ()}


def https(name: str = "cert") -> dict[str, Any]:
    tls = {"mode": "SIMPLE", "credentialName": name}
    return {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["a.com"], "tls": tls}


def test_a_missing_secret_is_told_at_the_gateway_and_nowhere_else(compiler: Compiler) -> None:
    outcome = compiler.apply([rule(), gateway(https())])
    assert {key: codes(outcome, key) for key in outcome.findings} == {RULE: [], GATEWAY: ["LAT0307"]}
    secret = change(Kind.SECRET, "edge/cert", stringData={"tls.crt": PEM, "tls.key": PEM})
    outcome = compiler.apply([secret])
    assert {key: codes(outcome, key) for key in outcome.findings} == {secret.key: [], GATEWAY: []}
    assert ResourceKey(ResourceType.SECRET, "kubernetes://cert") in compiler.resources(EDGE)


def test_a_secret_that_a_cluster_lacks_is_told_at_its_rule(compiler: Compiler) -> None:
    policy = {"tls": {"mode": "MUTUAL", "credentialName": "client"}}
    destination = change(Kind.DESTINATION_RULE, "shop/cart", spec={"host": "cart", "trafficPolicy": policy})
    outcome = compiler.apply(
        [
            gateway(),
            change(Kind.SERVICE, "shop/cart", spec={"ports": [{"port": 80, "name": "http"}]}),
            destination,
            rule(http=[{"route": [{"destination": {"host": "cart"}}]}]),
        ]
    )
    assert set(codes(outcome, destination.key)) == {"LAT0307"}
    outcome = compiler.apply([Change(destination.key, None)])
    assert outcome.findings[destination.key] == ()


UNSPEAKABLE = "\ud800"
"""Half of a surrogate pair, which no message can hold; the door lets in none."""


def broken_rule(name: str, host: str) -> Any:
    """A rule that cannot be encoded, as a fault of the program would make one."""
    answer = {"name": UNSPEAKABLE, "directResponse": {"status": 200}}
    return virtual_service(f"shop/{name}", host, gateways=["edge/gw", "mesh"], http=[answer])


def test_a_fault_is_told_at_the_objects_that_it_concerns_and_hurts_nobody_else(compiler: Compiler) -> None:
    compiler.apply([gateway(), rule(), rule(path="shop/other", hosts=["b.com"])])
    broken = broken_rule("web", "a.com")
    compiler.graph.engine.set(compiler.graph.inputs.virtual_services, broken.key, broken)
    outcome = compiler.apply([rule(404, "shop/other", hosts=["b.com"])])
    assert codes(outcome, RULE) == ["LAT0001"]
    assert outcome.findings[RULE][0].message.startswith("host_routes: ")
    assert changed(outcome) == {"http.80/b.com": True}
    assert compiler.findings_of(Key(Kind.VIRTUAL_SERVICE, "shop", "other")) == ()
    assert ResourceKey(ResourceType.ROUTE, "http.80/a.com") in compiler.resources(EDGE)
    healed = compiler.apply([rule(201)])
    assert codes(healed, RULE) == []


def test_a_fault_that_concerns_nobody_by_name_is_told_at_the_first_object_of_the_batch() -> None:
    compiler = Compiler(CompileSettings(mesh_port=15001), INTAKE)
    broken = broken_rule("web", "*.a.com")
    compiler.graph.engine.set(compiler.graph.inputs.virtual_services, broken.key, broken)
    outcome = compiler.apply([gateway()])
    assert codes(outcome, GATEWAY) == ["LAT0001"]


def test_listening_ports_are_those_of_live_listeners(compiler: Compiler) -> None:
    tcp = {"port": {"number": 9000, "name": "tcp", "protocol": "TCP"}, "hosts": ["*"]}
    plain = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["edge/a.com"]}
    compiler.apply([gateway(tcp, https(), plain)])
    assert [
        (place.gateway, place.number, place.port, place.protocol, place.hosts) for place in compiler.listening()
    ] == [
        ("edge/gw", 80, 80, "HTTP", ("edge/a.com",)),
        ("edge/gw", 443, 443, "HTTPS", ("a.com",)),
    ]
    assert {(place.proxy, place.address) for place in compiler.listening()} == {(EDGE, "0.0.0.0")}
