"""What a route does: forward, redirect, or answer (istio-semantics §1.2.5, §1.2.6, §1.2.9)."""

from typing import Final

from lateen.envoy.fault import per_million
from lateen.envoy.hashing import hash_policy
from lateen.envoy.headers import header_fields
from lateen.envoy.names import cluster_name
from lateen.envoy.retry import retry_policy
from lateen.envoy.wire import Fields, duration
from lateen.ir.route import DirectResponse, Forward, Mirror, Redirect, Target

_REDIRECT_CODES: Final = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


def forward_action(action: Forward) -> Fields:
    """Return the fields of a `RouteAction`.

    The timeout is always written: left out it would be 15 s. Only a route without one ends
    requests by a gRPC client's own deadline (`grpc-timeout`): where `max_stream_duration` is set,
    Envoy does not look at `timeout` any more. A client with a shorter deadline ends its call itself.
    """
    fields: Fields = {"timeout": duration(action.timeout)}
    if not action.timeout:
        fields["max_stream_duration"] = {"grpc_timeout_header_max": duration(0)}
    host_rewrite = action.host_rewrite
    if action.weighted or len(action.targets) > 1:
        fields["weighted_clusters"] = {"clusters": [_cluster_weight(target) for target in action.targets]}
    else:
        (target,) = action.targets
        fields["cluster"] = cluster_name(target.cluster)
        host_rewrite = host_rewrite or target.host_rewrite
    if host_rewrite:
        fields["host_rewrite_literal"] = host_rewrite
    if action.path_rewrite:
        fields["prefix_rewrite"] = action.path_rewrite
    if action.regex_rewrite is not None:
        pattern, substitution = action.regex_rewrite
        fields["regex_rewrite"] = {"pattern": {"regex": pattern}, "substitution": substitution}
    if action.retry is not None and action.retry.attempts > 0:
        fields["retry_policy"] = retry_policy(action.retry)
    if action.mirrors:
        fields["request_mirror_policies"] = [_mirror(mirror) for mirror in action.mirrors]
    if action.hash_policies:
        fields["hash_policy"] = [hash_policy(policy) for policy in action.hash_policies]
    return fields


def _cluster_weight(target: Target) -> Fields:
    fields: Fields = {"name": cluster_name(target.cluster), "weight": {"value": target.weight}}
    fields.update(header_fields(target.ops))
    if target.host_rewrite:
        fields["host_rewrite_literal"] = target.host_rewrite
    return fields


def _mirror(mirror: Mirror) -> Fields:
    """A mirrored request keeps its authority, and its trace is not sampled a second time."""
    return {
        "cluster": cluster_name(mirror.cluster),
        "runtime_fraction": {"default_value": per_million(mirror.per_million)},
        "trace_sampled": {"value": False},
        "disable_shadow_host_suffix_append": True,
    }


def redirect_action(action: Redirect) -> Fields:
    """Return the fields of a `RedirectAction`.

    Raises:
        ValueError: the code is not one that Envoy can answer with (istio-semantics §6.2 no. 49).
    """
    if action.code not in _REDIRECT_CODES:
        raise ValueError(f"redirect code {action.code} is not one of {', '.join(map(str, _REDIRECT_CODES))}")
    fields: Fields = {"response_code": _REDIRECT_CODES[action.code]}
    if action.host:
        fields["host_redirect"] = action.host
    if action.path is not None:
        fields["path_redirect"] = action.path
    elif action.prefix_rewrite:
        fields["prefix_rewrite"] = action.prefix_rewrite
    if action.scheme:
        fields["scheme_redirect"] = action.scheme
    if action.port:
        fields["port_redirect"] = action.port
    return fields


def direct_response_action(action: DirectResponse) -> Fields:
    """Return the fields of a `DirectResponseAction`; readable text stays readable in dumps."""
    fields: Fields = {"status": action.status}
    if action.body:
        try:
            fields["body"] = {"inline_string": action.body.decode()}
        except UnicodeDecodeError:
            fields["body"] = {"inline_bytes": action.body}
    return fields
