"""What changes cost, counted: cells that run and resources that are sent. Neither depends on the number of hosts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.bench.world import NAMESPACE, Raw, World, change, compiler, core, endpoint_slice, host, istio, service

from lateen.ir.resource import ResourceType
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change

SIZES = (50, 500)
BACKEND = ("127.0.0.1", 8080)
CREDENTIAL = "edge-certificate"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one change came to."""

    cells: int
    sent: tuple[ResourceType, ...]
    """Types of the resources that changed, with repetition; removals count."""


class Grown:
    """A compiled world of some size, to which changes are applied."""

    def __init__(self, hosts: int, *more: Raw) -> None:
        """Compile the world, and then more objects."""
        self.world = World(hosts, addresses=[BACKEND])
        self.compiler, self.intake = compiler()
        self.compiler.apply(change(raw, self.intake) for raw in self.world.objects())
        if more:
            self.put(*more)

    def put(self, *objects: Raw) -> Cost:
        """Add or change objects in one batch."""
        return self._apply(change(raw, self.intake) for raw in objects)

    def remove(self, kind: Kind, name: str) -> Cost:
        """Take one object away."""
        return self._apply([Change(Key(kind, NAMESPACE, name), None)])

    def _apply(self, changes: Iterable[Change]) -> Cost:
        outcome = self.compiler.apply(changes)
        assert not outcome.refused
        sent = [key.type for resources in outcome.resources.values() for key in resources]
        return Cost(outcome.recomputed, tuple(sorted(sent)))


def at_every_size(apply: Callable[[Grown], Cost], *more: Raw) -> Cost:
    """Apply the same change to worlds of different size; it has to cost the same."""
    small, large = (apply(Grown(size, *more)) for size in SIZES)
    assert small == large
    return small


def rule(number: int, policy: dict[str, Any], *subsets: str) -> Raw:
    """A DestinationRule of one service."""
    spec: dict[str, Any] = {"host": f"s{number}", "trafficPolicy": policy}
    if subsets:
        spec["subsets"] = [{"name": name, "labels": {"version": name}} for name in subsets]
    return istio("DestinationRule", f"s{number}", spec)


def secret(certificate: str, key: str) -> Raw:
    """A TLS Secret."""
    return core("v1", "Secret", CREDENTIAL, type="kubernetes.io/tls", data={"tls.crt": certificate, "tls.key": key})


def test_a_changed_weight_runs_four_cells_and_sends_one_route() -> None:
    cost = at_every_size(lambda grown: grown.put(grown.world.virtual_service(7, weight=10)))
    assert cost.sent == (ResourceType.ROUTE,)
    assert cost.cells == 4  # its hosts, its routes, its findings, its route configuration


def test_an_object_that_is_written_again_unchanged_costs_nothing() -> None:
    assert at_every_size(lambda grown: grown.put(grown.world.virtual_service(7))) == Cost(0, ())


def test_a_new_host_sends_its_own_route_and_scope() -> None:
    new = istio(
        "VirtualService",
        "new",
        {"hosts": ["new.example.com"], "gateways": ["gw"], "http": [{"route": [{"destination": {"host": "s7"}}]}]},
    )
    cost = at_every_size(lambda grown: grown.put(new))
    assert cost.sent == (ResourceType.ROUTE, ResourceType.SCOPE)
    assert cost.cells <= 5


def test_a_removed_host_takes_its_own_route_and_scope_away() -> None:
    def remove(grown: Grown) -> Cost:
        cost = grown.remove(Kind.VIRTUAL_SERVICE, "v7")
        proxies = grown.compiler.graph.placement.proxies.values
        assert not [key for proxy in proxies for key in grown.compiler.resources(proxy) if host(7) in key.name]
        return cost

    cost = at_every_size(remove)
    assert cost.sent == (ResourceType.ROUTE, ResourceType.SCOPE)
    assert cost.cells <= 5


def test_a_destination_rule_sends_the_cluster_of_its_host() -> None:
    before, after = (rule(7, {"connectionPool": {"tcp": {"maxConnections": number}}}) for number in (1, 2))
    cost = at_every_size(lambda grown: grown.put(after), before)
    assert cost.sent == (ResourceType.CLUSTER,)
    assert cost.cells <= 8  # the rule's findings, both VirtualServices that name the service, and its cluster


def test_a_destination_rule_for_all_hosts_costs_cells_but_sends_only_what_differs() -> None:
    everywhere = rule(0, {"connectionPool": {"tcp": {"maxConnections": 5}}}) | {"metadata": {"name": "all"}}
    everywhere["metadata"]["namespace"] = NAMESPACE
    everywhere["spec"]["host"] = f"*.{NAMESPACE}.svc.cluster.local"
    for size in SIZES:
        assert Grown(size).put(everywhere).sent == (ResourceType.CLUSTER,) * size


def test_a_changed_endpoint_slice_sends_the_endpoints_of_its_service() -> None:
    cost = at_every_size(lambda grown: grown.put(endpoint_slice(7, ("127.0.0.2", 8080))))
    assert cost == Cost(1, (ResourceType.ENDPOINTS,))


def test_a_gateway_edited_without_consequence_for_routes_sends_nothing_about_them() -> None:
    cost = at_every_size(lambda grown: grown.put(grown.world.gateway(name="edge")))
    assert not cost.sent
    assert cost.cells <= 10


def test_a_second_server_of_a_gateway_sends_its_listener_and_its_own_routes_only() -> None:
    def add_server(grown: Grown) -> Cost:
        gateway = grown.world.gateway()
        port = {"number": 8081, "name": "more", "protocol": "HTTP"}
        gateway["spec"]["servers"].append({"port": port, "hosts": [host(7)]})
        return grown.put(gateway)

    for size in SIZES:
        assert add_server(Grown(size)).sent == (ResourceType.LISTENER, ResourceType.ROUTE, ResourceType.SCOPE)


def test_a_service_that_nothing_names_sends_nothing() -> None:
    cost = at_every_size(lambda grown: grown.put(service(10_000)))
    assert not cost.sent
    assert cost.cells <= 2


def test_a_service_that_a_route_waits_for_sends_its_cluster_and_endpoints() -> None:
    def come_back(grown: Grown) -> Cost:
        grown.remove(Kind.SERVICE, "s7")
        return grown.put(service(7))

    cost = at_every_size(come_back)
    assert cost.sent == (ResourceType.CLUSTER, ResourceType.ENDPOINTS)
    assert cost.cells <= 9


@pytest.mark.parametrize("mode", ["SIMPLE", "MUTUAL"])
def test_a_rotated_secret_sends_itself(mode: str) -> None:
    server = {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["tls.example.com"]}
    tls = {"mode": mode, "credentialName": CREDENTIAL}
    edge = istio("Gateway", "tls", {"selector": {"istio": "ingressgateway"}, "servers": [server | {"tls": tls}]})
    cost = at_every_size(lambda grown: grown.put(secret("Yg==", "Yg==")), edge, secret("YQ==", "YQ=="))
    assert set(cost.sent) <= {ResourceType.SECRET}
    assert cost.cells <= 3
