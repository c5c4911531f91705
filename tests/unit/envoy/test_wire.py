"""Bytes are deterministic, versions depend on them alone, durations are exact."""

import pytest
from envoy.config.route.v3 import route_components_pb2, route_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from lateen.envoy.wire import duration, framed, packed, resource, serialize, version_of
from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.keys import Key, Kind


@pytest.mark.parametrize(
    ("seconds", "whole", "nanos"),
    [
        (0.0, 0, 0),
        (3, 3, 0),
        (0.001, 0, 1_000_000),
        (1.1, 1, 100_000_000),
        (86400.001, 86400, 1_000_000),
        (0.9999999999, 1, 0),
        (315360000.5, 315360000, 500_000_000),
    ],
)
def test_durations_are_what_was_written(seconds: float, whole: int, nanos: int) -> None:
    assert Duration(**duration(seconds)) == Duration(seconds=whole, nanos=nanos)


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_no_millisecond_is_lost(whole: int, millis: int) -> None:
    assert Duration(**duration(float(f"{whole}.{millis:03}"))).ToMilliseconds() == whole * 1000 + millis


def test_map_entries_are_sorted() -> None:
    first = route_components_pb2.Route(typed_per_filter_config={"a": AnyMessage(type_url="x"), "b": AnyMessage()})
    second = route_components_pb2.Route(typed_per_filter_config={"b": AnyMessage(), "a": AnyMessage(type_url="x")})
    assert serialize(first) == serialize(second)


def test_a_packed_message_unpacks() -> None:
    message = route_components_pb2.RouteMatch(prefix="/")
    unpacked = route_components_pb2.RouteMatch()
    assert AnyMessage(**packed(message)).Unpack(unpacked)
    assert unpacked == message


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 300_000])
def test_a_framed_entry_joins_its_message(length: int) -> None:
    entry = route_components_pb2.VirtualHost(name="n" * length)
    whole = route_pb2.RouteConfiguration(name="chain", virtual_hosts=[entry, entry])
    before = serialize(route_pb2.RouteConfiguration(name="chain"))
    assert before + framed(2, serialize(entry)) * 2 == serialize(whole)


def test_a_version_is_sixteen_digits_of_the_bytes() -> None:
    assert version_of(b"one") == version_of(b"one") != version_of(b"two")
    assert len(version_of(b"")) == 16


def test_a_resource_names_each_origin_once_in_order() -> None:
    service = Key(Kind.SERVICE, "shop", "web")
    rule = Key(Kind.DESTINATION_RULE, "shop", "web")
    made = resource(ResourceType.CLUSTER, "name", b"body", origins=(service, rule, service))
    assert made.key == ResourceKey(ResourceType.CLUSTER, "name")
    assert made.origins == (service, rule)
    assert made.version == version_of(b"body")
