"""Delegation: a root rule replaced by the rules of another VirtualService (istio-semantics §2.6)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from lateen.model.hosts import fqdn
from lateen.model.matching import HttpMatch
from lateen.model.objects import Object
from lateen.model.values import StringMatch
from lateen.model.virtualservice import Delegate, Destination, HttpRule, VirtualServiceSpec
from lateen.semantics.gateways import resolve_gateway_name
from lateen.semantics.visibility import is_visible

FindDelegate = Callable[[str, str], Object[VirtualServiceSpec] | None]
"""(namespace, name) → the delegate, if it exists."""
ValueT = TypeVar("ValueT")


def expand(root: Object[VirtualServiceSpec], find: FindDelegate, domain: str) -> Iterator[tuple[HttpRule, str]]:
    """Yield the root's rules with delegates put in place, each with the namespace its hosts are relative to.

    A delegate that is missing, or not exported to the root's namespace, drops only its rule;
    `lost_delegates` names those for the findings, `unmet_rules` those whose conditions cannot hold.
    """
    for rule in root.spec.http:
        if rule.delegate is None:
            yield rule, root.key.namespace
            continue
        delegate = _reach(root, rule.delegate, find)
        if delegate is None:
            continue
        # Every short name means something in the namespace of its own object only.
        outer = _with_mirrors(_with_gateways(rule, root.key.namespace), root.key.namespace, domain)
        for leaf in delegate.spec.http:
            merged = merge_rules(outer, _with_gateways(leaf, delegate.key.namespace))
            if merged is not None:
                yield merged, delegate.key.namespace


def lost_delegates(root: Object[VirtualServiceSpec], find: FindDelegate) -> Iterator[tuple[int, str]]:
    """(index of the rule, `namespace/name`) of every delegate that cannot be reached."""
    for index, rule in enumerate(root.spec.http):
        if rule.delegate is not None and _reach(root, rule.delegate, find) is None:
            yield index, f"{rule.delegate.namespace or root.key.namespace}/{rule.delegate.name}"


def unmet_rules(root: Object[VirtualServiceSpec], find: FindDelegate) -> Iterator[tuple[int, str, int]]:
    """(index of the rule, `namespace/name` of its delegate, index there) of rules that exclude their root's matches."""
    for index, rule in enumerate(root.spec.http):
        delegate = _reach(root, rule.delegate, find) if rule.delegate is not None else None
        if delegate is None:
            continue
        outer = _with_gateways(rule, root.key.namespace)
        for position, leaf in enumerate(delegate.spec.http):
            if merge_rules(outer, _with_gateways(leaf, delegate.key.namespace)) is None:
                yield index, f"{delegate.key.namespace}/{delegate.key.name}", position


def _with_gateways(rule: HttpRule, namespace: str) -> HttpRule:
    """Write out the names of Gateways in the matches."""
    if not any(match.gateways for match in rule.match):
        return rule
    return replace(
        rule,
        match=tuple(
            replace(match, gateways=tuple(resolve_gateway_name(name, namespace) for name in match.gateways))
            for match in rule.match
        ),
    )


def _with_mirrors(rule: HttpRule, namespace: str, domain: str) -> HttpRule:
    """Write out the hosts of mirrors: the only destinations that a delegate takes over from its root."""

    def written(destination: Destination) -> Destination:
        return replace(destination, host=fqdn(destination.host, namespace, domain))

    return replace(
        rule,
        mirror=None if rule.mirror is None else written(rule.mirror),
        mirrors=tuple(replace(mirror, destination=written(mirror.destination)) for mirror in rule.mirrors),
    )


def _reach(root: Object[VirtualServiceSpec], ref: Delegate, find: FindDelegate) -> Object[VirtualServiceSpec] | None:
    namespace = ref.namespace or root.key.namespace
    found = find(namespace, ref.name or "")
    if found is None or found.spec.hosts or not is_visible(found.spec.export_to, namespace, root.key.namespace):
        return None
    return found


def merge_rules(root: HttpRule, leaf: HttpRule) -> HttpRule | None:
    """Merge one delegate rule into its root rule; None when their matches exclude each other.

    Names of Gateways and hosts of mirrors are written out in both.
    """
    matches = _merge_matches(root.match, leaf.match)
    if matches is None:
        return None
    return replace(
        leaf,
        name=f"{root.name}-{leaf.name}" if root.name and leaf.name else root.name or leaf.name,
        match=matches,
        delegate=None,
        direct_response=_first(leaf.direct_response, root.direct_response),
        rewrite=_first(leaf.rewrite, root.rewrite),
        timeout=_first(leaf.timeout, root.timeout),
        retries=_first(leaf.retries, root.retries),
        fault=_first(leaf.fault, root.fault),
        mirror=_first(leaf.mirror, root.mirror),
        mirrors=leaf.mirrors or root.mirrors,
        mirror_percent=_first(leaf.mirror_percent, root.mirror_percent),
        mirror_percentage=_first(leaf.mirror_percentage, root.mirror_percentage),
        cors_policy=_first(leaf.cors_policy, root.cors_policy),
        headers=_first(leaf.headers, root.headers),
    )


def _first(leaf: ValueT | None, root: ValueT | None) -> ValueT | None:
    return root if leaf is None else leaf


def _merge_matches(root: tuple[HttpMatch, ...], leaf: tuple[HttpMatch, ...]) -> tuple[HttpMatch, ...] | None:
    """Cross product without the conflicting pairs; None when one delegate match fits no root match."""
    if not root or not leaf:
        return root or leaf
    out: list[HttpMatch] = []
    for inner in leaf:
        fitting = [_merge_match(outer, inner) for outer in root if not conflict(outer, inner)]
        if not fitting:
            return None
        out += fitting
    return tuple(out)


def _merge_match(root: HttpMatch, leaf: HttpMatch) -> HttpMatch:
    return replace(
        leaf,
        name=f"{root.name}-{leaf.name}" if root.name and leaf.name else root.name or leaf.name,
        uri=_first(leaf.uri, root.uri),
        scheme=_first(leaf.scheme, root.scheme),
        method=_first(leaf.method, root.method),
        authority=_first(leaf.authority, root.authority),
        headers={**root.headers, **leaf.headers},
        without_headers={**root.without_headers, **leaf.without_headers},
        query_params={**root.query_params, **leaf.query_params},
        port=leaf.port or root.port,
        source_labels={**root.source_labels, **leaf.source_labels},
        source_namespace=leaf.source_namespace or root.source_namespace,
        gateways=leaf.gateways or root.gateways,
        stat_prefix=leaf.stat_prefix or root.stat_prefix,
    )


def conflict(root: HttpMatch, leaf: HttpMatch) -> bool:
    """Whether no request can satisfy both (a conservative rule: any regex against any matcher conflicts)."""
    pairs = ((root.uri, leaf.uri), (root.scheme, leaf.scheme), (root.method, leaf.method))
    return (
        any(_texts_conflict(outer, inner) for outer, inner in (*pairs, (root.authority, leaf.authority)))
        or bool(root.ignore_uri_case) != bool(leaf.ignore_uri_case)
        or _maps_conflict(root.headers, leaf.headers)
        or _maps_conflict(root.without_headers, leaf.without_headers)
        or _maps_conflict(root.query_params, leaf.query_params)
        or bool(root.port and leaf.port and root.port != leaf.port)
        or bool(root.source_namespace and root.source_namespace != leaf.source_namespace)
        or any(leaf.source_labels.get(name, value) != value for name, value in root.source_labels.items())
        or bool(root.gateways and leaf.gateways and not set(leaf.gateways) <= set(root.gateways))
    )


def _maps_conflict(root: Mapping[str, StringMatch | None], leaf: Mapping[str, StringMatch | None]) -> bool:
    return any(_texts_conflict(root[name], leaf[name]) for name in root if name in leaf)


def _texts_conflict(root: StringMatch | None, leaf: StringMatch | None) -> bool:
    if root is None or leaf is None:
        return False
    if root.regex is not None or leaf.regex is not None:
        return True
    if root.prefix is not None:
        text = leaf.exact if leaf.exact is not None else leaf.prefix
        return text is None or not text.startswith(root.prefix)
    return root.exact is not None and leaf.exact != root.exact
