"""What a route tells the fault and CORS filters."""

from typing import Any

from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy
from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
from google.protobuf.any_pb2 import Any as AnyMessage

from lateen.envoy.cors import cors_config
from lateen.envoy.fault import fault_config
from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import Cors, Fault


def opened(packed: dict[str, Any], message: Any) -> Any:
    assert AnyMessage(**packed).Unpack(message)
    return message


def test_a_delay_has_its_share_per_million() -> None:
    message = opened(fault_config(Fault(delay=0.25, delay_per_million=5699)), HTTPFault())
    assert message.delay.fixed_delay.ToMilliseconds() == 250
    assert message.delay.percentage.numerator == 5699
    assert message.delay.percentage.denominator == message.delay.percentage.MILLION
    assert not message.HasField("abort")


def test_an_abort_has_a_status_of_http_or_grpc() -> None:
    http = opened(fault_config(Fault(abort_status=503, abort_per_million=1_000_000)), HTTPFault())
    assert http.abort.http_status == 503
    assert http.abort.percentage.numerator == 1_000_000
    assert not http.HasField("delay")
    grpc = opened(fault_config(Fault(abort_grpc_status=0)), HTTPFault())
    assert grpc.abort.WhichOneof("error_type") == "grpc_status"
    assert grpc.abort.HasField("percentage")


def test_a_cross_origin_policy_is_always_in_force() -> None:
    message = opened(cors_config(Cors()), CorsPolicy())
    assert message.filter_enabled.default_value.numerator == 100
    assert message.filter_enabled.default_value.denominator == message.filter_enabled.default_value.HUNDRED
    assert message.forward_not_matching_preflights.value
    assert not message.HasField("allow_credentials")


def test_a_cross_origin_policy_says_what_was_written() -> None:
    origins = (StringMatch(MatchKind.EXACT, "https://a"), StringMatch(MatchKind.REGEX, "https://.*"))
    cors = Cors(origins, "GET,POST", "x-a", "x-b", "60", credentials=False, forward_unmatched_preflights=False)
    message = opened(cors_config(cors), CorsPolicy())
    assert [origin.WhichOneof("match_pattern") for origin in message.allow_origin_string_match] == [
        "exact",
        "safe_regex",
    ]
    assert (message.allow_methods, message.allow_headers) == ("GET,POST", "x-a")
    assert (message.expose_headers, message.max_age) == ("x-b", "60")
    assert message.HasField("allow_credentials")
    assert not message.allow_credentials.value
    assert not message.forward_not_matching_preflights.value
