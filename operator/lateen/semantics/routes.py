"""The routes of one VirtualService at one place, in the order that decides (istio-semantics §1.2.2, §2.3.7)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lateen.ir.route import DirectResponse, Forward, PathKind, Redirect, Route, RouteMatch
from lateen.model.keys import Key
from lateen.model.matching import HttpMatch
from lateen.model.objects import Object
from lateen.model.virtualservice import HttpRule, VirtualServiceSpec
from lateen.semantics.cors import lower_cors
from lateen.semantics.delegate import FindDelegate, expand
from lateen.semantics.destination import Destinations, lower_forward
from lateen.semantics.fault import lower_fault
from lateen.semantics.gateways import resolve_gateway_name
from lateen.semantics.headers import header_ops
from lateen.semantics.matching import lower_match
from lateen.semantics.redirect import lower_direct_response, lower_redirect
from lateen.semantics.selectors import selects
from lateen.validation.servable import refusals


@dataclass(frozen=True, slots=True)
class RoutePlace:
    """Where the routes will stand: conditions on the proxy and the port are decided here and now."""

    gateway: str
    """`namespace/name`, or `mesh`."""
    port: int
    """As written in the Gateway's server; for the mesh the service's port."""
    tls: bool
    """Whether the server has TLS settings: the scheme that redirects assume."""
    labels: Mapping[str, str]
    namespace: str
    """Of the proxy."""
    domain: str
    """Suffix of service names."""


def build_routes(
    obj: Object[VirtualServiceSpec], place: RoutePlace, destinations: Destinations, find: FindDelegate
) -> tuple[Route, ...]:
    """Lower all rules; nothing follows the first route that catches everything.

    A rule that Envoy would refuse, and the whole route configuration with it, is left out: the door
    has said so. Rules behind one that was for all requests are not reached all the same (§2.3.7).
    """
    out: list[Route] = []
    for rule, namespace in expand(obj, find, place.domain):
        matches = () if refusals(rule) else _applicable(rule, obj.key.namespace, place)
        for match in matches:
            route = _build_route(obj.key, rule, match, namespace, place, destinations)
            if route is None:
                continue
            out.append(route)
            if route.match.is_catch_all:
                return tuple(out)
        if not rule.match:
            break
    return tuple(out)


def _applicable(rule: HttpRule, namespace: str, place: RoutePlace) -> Iterator[HttpMatch | None]:
    """The match entries that can hold at this place; a rule without any holds everywhere (§1.2.3)."""
    if not rule.match:
        yield None
    for match in rule.match:
        if match.port and match.port != place.port:
            continue
        if match.gateways:
            if place.gateway not in {resolve_gateway_name(name, namespace) for name in match.gateways}:
                continue
        elif not selects(match.source_labels, place.labels) or (
            match.source_namespace and match.source_namespace != place.namespace
        ):
            continue
        yield match


def _build_route(
    origin: Key,
    rule: HttpRule,
    match: HttpMatch | None,
    namespace: str,
    place: RoutePlace,
    destinations: Destinations,
) -> Route | None:
    """One route; None when its action is one that Envoy cannot take."""
    action: Forward | Redirect | DirectResponse | None
    if rule.redirect is not None:
        action = lower_redirect(rule.redirect, port=place.port, tls=place.tls)
    elif rule.direct_response is not None:
        action = lower_direct_response(rule.direct_response)
    elif rule.route:
        action = lower_forward(rule, namespace, place.port, destinations)
    else:
        action = None
    if action is None:
        return None
    conditions = lower_match(match)
    return Route(
        match=conditions,
        action=action,
        origin=origin,
        name=_route_name(rule, match),
        ops=header_ops(rule.headers),
        fault=lower_fault(rule.fault),
        cors=lower_cors(rule.cors_policy),
        stat_prefix=match.stat_prefix if match is not None else "",
        operation=_operation(origin, action, conditions, place),
    )


def _route_name(rule: HttpRule, match: HttpMatch | None) -> str:
    return f"{rule.name}.{match.name}" if match is not None and match.name else rule.name


def _operation(origin: Key, action: Forward | Redirect | DirectResponse, match: RouteMatch, place: RoutePlace) -> str:
    """Name of the operation in traces (§1.2.2 note c)."""
    path = match.path.value
    if match.path.kind is PathKind.PREFIX:
        path += "*"
    if isinstance(action, Forward) and len(action.targets) == 1 and not action.weighted:
        cluster = action.targets[0].cluster
        return f"{cluster.host}:{cluster.port}{path}"
    return f"{origin.name}:{place.port}{path}"


def order_routes(lists: Sequence[tuple[Route, ...]]) -> tuple[Route, ...]:
    """Join the routes of several VirtualServices on one host: catch-alls move to the end, else order stays (§2.3.6)."""
    if len(lists) == 1:
        return lists[0]
    joined = [route for routes in lists for route in routes]
    return tuple(sorted(joined, key=lambda route: route.match.is_catch_all))
