"""Destinations, rewrites, redirects and answers."""

import pytest
from envoy.config.route.v3.route_components_pb2 import DirectResponseAction, RedirectAction, RouteAction

from lateen.envoy.action import direct_response_action, forward_action, redirect_action
from lateen.ir.route import (
    ClusterRef,
    DirectResponse,
    Forward,
    HashPolicy,
    HashSource,
    HeaderOps,
    Mirror,
    Redirect,
    Retry,
    Target,
)

WEB = ClusterRef("web.shop", 80)
CANARY = ClusterRef("web.shop", 80, "v2")


def forwarded(action: Forward) -> RouteAction:
    return RouteAction(**forward_action(action))


def redirected(action: Redirect) -> RedirectAction:
    return RedirectAction(**redirect_action(action))


def test_one_destination_is_a_cluster() -> None:
    message = forwarded(Forward((Target(WEB, 0),)))
    assert message.cluster == "outbound|80||web.shop"
    assert message.WhichOneof("cluster_specifier") == "cluster"


def test_several_destinations_are_weighted_as_written() -> None:
    clusters = forwarded(Forward((Target(WEB, 1), Target(CANARY, 3)), weighted=True)).weighted_clusters.clusters
    assert [(cluster.name, cluster.weight.value) for cluster in clusters] == [
        ("outbound|80||web.shop", 1),
        ("outbound|80|v2|web.shop", 3),
    ]


def test_the_last_of_several_destinations_stays_weighted() -> None:
    (cluster,) = forwarded(Forward((Target(WEB, 7),), weighted=True)).weighted_clusters.clusters
    assert cluster.weight.value == 7


def test_no_timeout_is_written_down() -> None:
    message = forwarded(Forward((Target(WEB),)))
    assert message.HasField("timeout")
    assert message.timeout.ToMilliseconds() == 0


def test_a_client_of_grpc_sets_the_time_where_the_route_has_none() -> None:
    message = forwarded(Forward((Target(WEB),)))
    assert message.max_stream_duration.HasField("grpc_timeout_header_max")
    assert message.max_stream_duration.grpc_timeout_header_max.ToMilliseconds() == 0


def test_a_timeout_stands_alone_because_another_limit_would_switch_it_off() -> None:
    message = forwarded(Forward((Target(WEB),), timeout=2.5))
    assert message.timeout.ToMilliseconds() == 2500
    assert not message.HasField("max_grpc_timeout")
    assert not message.HasField("max_stream_duration")


def test_the_authority_of_the_route_goes_before_that_of_its_destination() -> None:
    assert forwarded(Forward((Target(WEB, host_rewrite="low"),), host_rewrite="high")).host_rewrite_literal == "high"
    assert forwarded(Forward((Target(WEB, host_rewrite="low"),))).host_rewrite_literal == "low"


def test_a_weighted_destination_has_changes_of_its_own() -> None:
    target = Target(WEB, 1, HeaderOps(request_set=(("x-a", "1"),), response_remove=("x-b",)), "internal")
    (cluster, _) = forwarded(Forward((target, Target(CANARY)), weighted=True)).weighted_clusters.clusters
    assert cluster.host_rewrite_literal == "internal"
    assert cluster.request_headers_to_add[0].header.key == "x-a"
    assert list(cluster.response_headers_to_remove) == ["x-b"]


def test_paths_are_rewritten() -> None:
    assert forwarded(Forward((Target(WEB),), path_rewrite="/new")).prefix_rewrite == "/new"
    rewrite = forwarded(Forward((Target(WEB),), regex_rewrite=("^/(.*)$", r"/v1/\1"))).regex_rewrite
    assert rewrite.pattern.regex == "^/(.*)$"
    assert rewrite.substitution == r"/v1/\1"


def test_mirrored_requests_keep_their_authority() -> None:
    (policy,) = forwarded(Forward((Target(WEB),), mirrors=(Mirror(CANARY, 2900),))).request_mirror_policies
    assert policy.cluster == "outbound|80|v2|web.shop"
    assert policy.runtime_fraction.default_value.numerator == 2900
    assert policy.runtime_fraction.default_value.denominator == policy.runtime_fraction.default_value.MILLION
    assert policy.disable_shadow_host_suffix_append
    assert policy.HasField("trace_sampled")
    assert not policy.trace_sampled.value


def test_retries_follow_the_reference() -> None:
    retry = Retry(3, ("gateway-error", "retriable-status-codes"), (503,), 0.5, 0.01, other_localities=True)
    policy = forwarded(Forward((Target(WEB),), retry=retry)).retry_policy
    assert policy.num_retries.value == 3
    assert policy.retry_on == "gateway-error,retriable-status-codes"
    assert list(policy.retriable_status_codes) == [503]
    assert policy.per_try_timeout.ToMilliseconds() == 500
    assert policy.retry_back_off.base_interval.ToMilliseconds() == 10
    assert not policy.retry_back_off.HasField("max_interval")
    assert policy.host_selection_retry_max_attempts == 5
    assert [predicate.name for predicate in policy.retry_host_predicate] == [
        "envoy.retry_host_predicates.previous_hosts"
    ]
    assert policy.retry_priority.name == "envoy.retry_priorities.previous_priorities"


def test_retries_may_go_to_the_same_host() -> None:
    retry = Retry(2, ("5xx",), avoid_previous_hosts=False)
    policy = forwarded(Forward((Target(WEB),), retry=retry)).retry_policy
    assert not policy.retry_host_predicate
    assert not policy.HasField("retry_priority")
    assert not policy.HasField("per_try_timeout")
    assert not policy.HasField("retry_back_off")


def test_no_attempts_are_no_policy() -> None:
    assert not forwarded(Forward((Target(WEB),), retry=Retry(0, ("5xx",)))).HasField("retry_policy")
    assert not forwarded(Forward((Target(WEB),))).HasField("retry_policy")


def test_every_source_of_a_hash() -> None:
    policies = (
        HashPolicy(HashSource.HEADER, "x-user"),
        HashPolicy(HashSource.QUERY, "user"),
        HashPolicy(HashSource.SOURCE_IP, enabled=False),
        HashPolicy(HashSource.COOKIE, "user", "/shop", 0.0, (("SameSite", "Lax"),)),
        HashPolicy(HashSource.COOKIE, "session"),
    )
    header, query, address, cookie, foreign = forwarded(Forward((Target(WEB),), hash_policies=policies)).hash_policy
    assert header.header.header_name == "x-user"
    assert query.query_parameter.name == "user"
    assert address.WhichOneof("policy_specifier") == "connection_properties"
    assert not address.connection_properties.source_ip
    assert (cookie.cookie.name, cookie.cookie.path) == ("user", "/shop")
    assert cookie.cookie.HasField("ttl")
    assert [(one.name, one.value) for one in cookie.cookie.attributes] == [("SameSite", "Lax")]
    assert foreign.cookie.name == "session"
    assert not foreign.cookie.HasField("ttl")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (301, "MOVED_PERMANENTLY"),
        (302, "FOUND"),
        (303, "SEE_OTHER"),
        (307, "TEMPORARY_REDIRECT"),
        (308, "PERMANENT_REDIRECT"),
    ],
)
def test_every_code_of_a_redirect(code: int, name: str) -> None:
    assert redirected(Redirect(code=code)).response_code == RedirectAction.RedirectResponseCode.Value(name)


def test_another_code_is_refused() -> None:
    with pytest.raises(ValueError, match="304"):
        redirect_action(Redirect(code=304))


def test_a_redirect_says_only_what_changes() -> None:
    message = redirected(Redirect(host="other", path="/new", scheme="https", port=8443))
    assert message.host_redirect == "other"
    assert message.path_redirect == "/new"
    assert message.scheme_redirect == "https"
    assert message.port_redirect == 8443
    bare = redirected(Redirect(host="other"))
    assert bare.WhichOneof("path_rewrite_specifier") is None
    assert bare.WhichOneof("scheme_rewrite_specifier") is None


def test_an_empty_path_is_a_path() -> None:
    assert redirected(Redirect(path="")).WhichOneof("path_rewrite_specifier") == "path_redirect"
    assert redirected(Redirect(prefix_rewrite="/v2")).prefix_rewrite == "/v2"


def test_an_answer_is_readable_if_it_is_text() -> None:
    text = DirectResponseAction(**direct_response_action(DirectResponse(404, "grüße".encode())))
    assert (text.status, text.body.inline_string) == (404, "grüße")
    binary = DirectResponseAction(**direct_response_action(DirectResponse(200, b"\xff")))
    assert binary.body.inline_bytes == b"\xff"
    assert not DirectResponseAction(**direct_response_action(DirectResponse(204))).HasField("body")
