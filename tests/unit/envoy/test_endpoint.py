"""Endpoints: addresses, health, weights and places."""

import pytest
from envoy.config.core.v3.health_check_pb2 import HealthStatus
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

from lateen.envoy.endpoint import addresses_of, build_endpoints, print_address, split_address
from lateen.ir.endpoint import Endpoint, Endpoints, Health, Locality
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.ir.route import ClusterRef
from lateen.model.keys import Key, Kind

WEB = ClusterRef("web.shop", 80)


def built(*localities: Locality) -> ClusterLoadAssignment:
    return ClusterLoadAssignment.FromString(build_endpoints(Endpoints(WEB, localities)).body)


def test_endpoints_are_named_as_their_cluster() -> None:
    origin = Key(Kind.ENDPOINT_SLICE, "shop", "web-1")
    made = build_endpoints(Endpoints(WEB, origins=(origin,)))
    assert made.key == ResourceKey(ResourceType.ENDPOINTS, "outbound|80||web.shop")
    assert made.origins == (origin,)


def test_no_endpoints_are_an_answer_too() -> None:
    message = built()
    assert message.cluster_name == "outbound|80||web.shop"
    assert not message.endpoints


def test_addresses_are_ip_addresses_or_sockets() -> None:
    (locality,) = built(Locality((Endpoint("10.0.0.1", 8080), Endpoint("unix:///run/app.sock", 0)))).endpoints
    address, socket = (endpoint.endpoint.address for endpoint in locality.lb_endpoints)
    assert (address.socket_address.address, address.socket_address.port_value) == ("10.0.0.1", 8080)
    assert socket.pipe.path == "/run/app.sock"


def test_health_is_what_the_source_says() -> None:
    endpoints = tuple(Endpoint("10.0.0.1", 80, health=health) for health in Health)
    (locality,) = built(Locality(endpoints)).endpoints
    names = [HealthStatus.Name(endpoint.health_status) for endpoint in locality.lb_endpoints]
    assert names == ["HEALTHY", "UNHEALTHY"]


def test_a_locality_weighs_what_its_endpoints_weigh() -> None:
    (locality,) = built(Locality((Endpoint("10.0.0.1", 80, 3), Endpoint("10.0.0.2", 80, 0)))).endpoints
    assert [endpoint.load_balancing_weight.value for endpoint in locality.lb_endpoints] == [3, 1]
    assert locality.load_balancing_weight.value == 4


def test_a_written_weight_of_a_locality_holds() -> None:
    (locality,) = built(Locality((Endpoint("10.0.0.1", 80),), weight=7)).endpoints
    assert locality.load_balancing_weight.value == 7


def test_weights_that_envoy_cannot_hold_are_clamped() -> None:
    heavy = Endpoint("10.0.0.1", 80, 4_294_967_295)
    (locality,) = built(Locality((heavy, heavy))).endpoints
    assert locality.load_balancing_weight.value == 4_294_967_295


def test_places_and_priorities() -> None:
    near, far = built(
        Locality((Endpoint("10.0.0.1", 80),), "region/zone/subzone"),
        Locality((Endpoint("10.0.0.2", 80),), "elsewhere", priority=1),
    ).endpoints
    assert (near.locality.region, near.locality.zone, near.locality.sub_zone) == ("region", "zone", "subzone")
    assert (near.priority, far.priority) == (0, 1)
    assert (far.locality.region, far.locality.zone) == ("elsewhere", "")


def test_addresses_are_listed_as_envoy_writes_them() -> None:
    hosts = (Endpoint("10.0.0.1", 8080), Endpoint("fd00:0::1", 80), Endpoint("unix:///run/app.sock", 0))
    found = build_endpoints(Endpoints(WEB, (Locality(hosts[:1]), Locality(hosts[1:]))))
    assert addresses_of(found) == {"10.0.0.1:8080", "[fd00::1]:80", "/run/app.sock"}


@pytest.mark.parametrize("host", ["10.0.0.1", "fd00::1", "app.test"])
def test_an_address_can_be_taken_apart(host: str) -> None:
    assert split_address(print_address(host, 80)) == (host, 80)
    assert split_address("/run/app.sock") == ("/run/app.sock", 0)
