"""VirtualService and DestinationRule as they are decoded: spelling, defaults, documentation."""

import typing
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from lateen.model.destinationrule import DestinationRuleSpec, SimpleLb, TlsMode
from lateen.model.documentation import blocks_of, json_schema
from lateen.model.virtualservice import DerivePort, UnmatchedPreflights, VirtualServiceSpec

SPECS = [VirtualServiceSpec, DestinationRuleSpec]


def decode(spec: type[Any], value: object) -> Any:
    return TypeAdapter(spec).validate_python(value)


@pytest.mark.parametrize("spec", SPECS)
def test_every_field_is_documented(spec: type[Any]) -> None:
    schema = json_schema(spec)
    for block in [schema, *schema["$defs"].values()]:
        for name, field in block.get("properties", {}).items():
            assert field.get("description"), f"{block['title']}.{name}"


@pytest.mark.parametrize("spec", SPECS)
def test_every_block_is_frozen_slotted_and_has_no_lists(spec: type[Any]) -> None:
    for block in blocks_of(spec):
        assert block.__dataclass_params__.frozen
        assert "__slots__" in vars(block)
        for hint in typing.get_type_hints(block).values():
            assert typing.get_origin(hint) is not list


def test_names_are_accepted_in_both_spellings() -> None:
    camel = {"hosts": ["a"], "exportTo": ["."], "http": [{"corsPolicy": {"allowOrigins": [{"exact": "a"}]}}]}
    snake = {"hosts": ["a"], "export_to": ["."], "http": [{"cors_policy": {"allow_origins": [{"exact": "a"}]}}]}
    assert decode(VirtualServiceSpec, camel) == decode(VirtualServiceSpec, snake)


def test_the_share_of_a_mirror_has_its_old_name_in_both_spellings() -> None:
    for name in ("mirrorPercent", "mirror_percent"):
        assert decode(VirtualServiceSpec, {"http": [{name: 5}]}).http[0].mirror_percent == 5


def test_names_that_no_rule_of_spelling_gives_are_right() -> None:
    ejection = {"consecutive5xxErrors": 3, "consecutiveGatewayErrors": 2}
    balance = {"localityLbSetting": {"failover": [{"from": "us", "to": "eu"}]}}
    pool = {"http": {"http2KeepAlive": {"interval": "1s"}, "h2UpgradePolicy": "UPGRADE"}}
    policy = {"outlierDetection": ejection, "loadBalancer": balance, "connectionPool": pool}
    found = decode(DestinationRuleSpec, {"host": "a", "trafficPolicy": policy}).traffic_policy
    assert found.outlier_detection.consecutive_5xx_errors == 3
    assert found.load_balancer.locality_lb_setting.failover[0].from_ == "us"
    assert found.connection_pool.http.http2_keep_alive.interval == 1.0


def test_unset_and_zero_differ_where_it_matters() -> None:
    detection = decode(DestinationRuleSpec, {"host": "a", "trafficPolicy": {"outlierDetection": {}}})
    assert detection.traffic_policy.outlier_detection.consecutive_5xx_errors is None
    zero = {"host": "a", "trafficPolicy": {"outlierDetection": {"consecutive5xxErrors": 0}}}
    assert decode(DestinationRuleSpec, zero).traffic_policy.outlier_detection.consecutive_5xx_errors == 0
    rule = decode(VirtualServiceSpec, {"http": [{"retries": {}}]}).http[0]
    assert rule.retries is not None
    assert rule.timeout is None
    assert rule.mirror_percentage is None


def test_a_header_without_a_value_asks_for_presence() -> None:
    match = {"headers": {"x-a": None, "x-b": {}}, "withoutHeaders": {"x-c": None}, "queryParams": {"q": None}}
    found = decode(VirtualServiceSpec, {"http": [{"match": [match]}]}).http[0].match[0]
    assert found.headers["x-a"] is None
    assert found.headers["x-b"].exact is None
    assert found.without_headers == {"x-c": None}
    assert found.query_params == {"q": None}


def test_durations_are_seconds() -> None:
    assert decode(VirtualServiceSpec, {"http": [{"timeout": "1m30s"}]}).http[0].timeout == 90.0


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ({"http": [{"redirect": {"derivePort": "FROM_REQUEST_PORT"}}]}, "derive_port", DerivePort.FROM_REQUEST_PORT),
        ({"http": [{"redirect": {"derivePort": 0}}]}, "derive_port", DerivePort.FROM_PROTOCOL_DEFAULT),
    ],
)
def test_enumerations_are_written_by_name_or_number(spec: object, value: str, expected: object) -> None:
    assert getattr(decode(VirtualServiceSpec, spec).http[0].redirect, value) is expected


def test_members_of_enumerations_stand_in_the_order_of_their_numbers() -> None:
    assert [*SimpleLb][5] is SimpleLb.LEAST_REQUEST
    assert [*TlsMode][3] is TlsMode.ISTIO_MUTUAL
    assert [*UnmatchedPreflights][2] is UnmatchedPreflights.IGNORE


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (DestinationRuleSpec, {}),
        (DestinationRuleSpec, {"host": 5}),
        (DestinationRuleSpec, {"host": "a", "subsets": [{}]}),
        (DestinationRuleSpec, {"host": "a", "trafficPolicy": {"tls": {"mode": "simple"}}}),
        (VirtualServiceSpec, {"http": [{"route": [{"weight": 1}]}]}),
        (VirtualServiceSpec, {"http": [{"match": [{"uri": {"exact": "a", "prefix": "b"}}]}]}),
        (VirtualServiceSpec, {"http": [{"match": [{"ignoreUriCase": "true"}]}]}),
        (VirtualServiceSpec, {"http": [{"match": [{"port": -1}]}]}),
        (VirtualServiceSpec, {"http": [{"timeout": 5}]}),
        (VirtualServiceSpec, {"surprise": 1}),
    ],
)
def test_wrong_shapes_are_refused(spec: type[Any], value: object) -> None:
    with pytest.raises(ValidationError):
        decode(spec, value)
