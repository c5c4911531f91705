"""The routes of one VirtualService at one place: which are made, in which order, and what each does."""

from typing import Any

import pytest
from tests.unit.semantics.destinations import Written
from tests.unit.semantics.objects import DOMAIN, to, virtual_service

from lateen.ir.route import DirectResponse, Forward, HeaderOps, PathKind, Redirect, Route
from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.semantics.routes import RoutePlace, build_routes, order_routes

EDGE = RoutePlace("edge/gw", 80, tls=False, labels={"app": "edge"}, namespace="edge", domain=DOMAIN)


def build(*http: dict[str, Any], place: RoutePlace = EDGE, leaves: tuple[Object[Any], ...] = ()) -> tuple[Route, ...]:
    known = {(leaf.key.namespace, leaf.key.name): leaf for leaf in leaves}
    obj: Object[VirtualServiceSpec] = virtual_service("shop/web", "a.com", http=list(http))
    return build_routes(obj, place, Written(), lambda namespace, name: known.get((namespace, name)))


def hosts(routes: tuple[Route, ...]) -> list[str]:
    return [route.clusters[0].host for route in routes]


def prefix(path: str, **more: Any) -> dict[str, Any]:
    return {"uri": {"prefix": path}, **more}


def test_every_match_makes_a_route_in_the_order_of_writing() -> None:
    routes = build(
        {"match": [prefix("/b"), prefix("/a")], "route": [to("one")]},
        {"match": [prefix("/a/longer")], "route": [to("two")]},
        {"route": [to("three")]},
    )
    assert [(route.match.path.value, host) for route, host in zip(routes, hosts(routes), strict=True)] == [
        ("/b", "one"),
        ("/a", "one"),
        ("/a/longer", "two"),
        ("/", "three"),
    ]
    assert {str(route.origin) for route in routes} == {"VirtualService/shop/web"}


@pytest.mark.parametrize(
    ("match", "ends"),
    [
        (prefix("/"), True),
        ({"uri": {"regex": ".*"}}, True),
        ({}, True),
        ({"uri": {"regex": "/.*"}}, False),
        ({"uri": {"exact": "/"}}, False),
        (prefix("/", headers={"x": {"exact": "1"}}), False),
        (prefix("/", withoutHeaders={"x": {"exact": "1"}}), False),
        (prefix("/", queryParams={"x": {"exact": "1"}}), False),
        (prefix("/", method={"exact": "GET"}), False),
        (prefix("/", authority={"exact": "a.com"}), False),
        (prefix("/", scheme={"exact": "http"}), False),
        ({"headers": {"@request.auth.claims.sub": {"exact": "1"}}}, False),
    ],
)
def test_nothing_follows_a_route_that_catches_everything(match: dict[str, Any], *, ends: bool) -> None:
    routes = build({"match": [match], "route": [to("one")]}, {"match": [prefix("/a")], "route": [to("two")]})
    assert hosts(routes) == (["one"] if ends else ["one", "two"])


def test_nothing_follows_a_rule_without_matches() -> None:
    assert hosts(build({"route": [to("one")]}, {"match": [prefix("/a")], "route": [to("two")]})) == ["one"]


@pytest.mark.parametrize("match", [[], [prefix("/a")]])
def test_a_rule_that_envoy_would_refuse_is_left_out_where_it_stands(match: list[dict[str, Any]]) -> None:
    refused = {"match": match, "redirect": {"uri": "/x", "redirectCode": 304}}
    routes = build({"match": [prefix("/b")], "route": [to("before")]}, refused, {"route": [to("after")]})
    assert hosts(routes) == (["before", "after"] if match else ["before"])


def test_a_rule_without_an_action_makes_no_route() -> None:
    leaf = virtual_service("shop/leaf", http=[{"delegate": {"name": "further"}, "match": [prefix("/a")]}])
    routes = build({"delegate": {"name": "leaf"}}, {"route": [to("after")]}, leaves=(leaf,))
    assert hosts(routes) == ["after"]


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        ({"port": 80}, True),
        ({"port": 8080}, False),
        ({"gateways": ["edge/gw"]}, True),
        ({"gateways": ["other", "gw.edge"]}, True),
        ({"gateways": ["gw"]}, False),
        ({"gateways": ["mesh"]}, False),
        ({"sourceLabels": {"app": "edge"}}, True),
        ({"sourceLabels": {"app": "other"}}, False),
        ({"sourceNamespace": "edge"}, True),
        ({"sourceNamespace": "shop"}, False),
        ({"gateways": ["edge/gw"], "sourceLabels": {"app": "other"}, "sourceNamespace": "shop"}, True),
        ({"gateways": ["edge/gw"], "port": 8080}, False),
    ],
)
def test_conditions_on_the_place_are_decided_here(match: dict[str, Any], *, holds: bool) -> None:
    routes = build({"match": [prefix("/a", **match)], "route": [to("conditional")]}, {"route": [to("otherwise")]})
    assert hosts(routes) == (["conditional", "otherwise"] if holds else ["otherwise"])


def test_a_rule_whose_matches_all_hold_elsewhere_ends_nothing() -> None:
    assert hosts(build({"match": [{"port": 1}], "route": [to("one")]}, {"route": [to("two")]})) == ["two"]


def test_the_mesh_is_a_place_like_a_gateway() -> None:
    mesh = RoutePlace("mesh", 8080, tls=False, labels={}, namespace="default", domain=DOMAIN)
    rule = {"match": [prefix("/a", gateways=["mesh"], port=8080)], "route": [to("one")]}
    assert hosts(build(rule, place=mesh)) == ["one"]
    assert build(rule) == ()


@pytest.mark.parametrize(
    ("rule", "match", "name"),
    [("rule", "match", "rule.match"), ("rule", "", "rule"), ("", "match", ".match"), ("", "", "")],
)
def test_routes_are_named_after_rule_and_match(rule: str, match: str, name: str) -> None:
    (route,) = build({"name": rule, "match": [prefix("/a", name=match)], "route": [to("one")]})
    assert route.name == name


def test_a_rule_without_matches_gives_its_route_its_own_name() -> None:
    (route,) = build({"name": "rule", "route": [to("one")]})
    assert (route.name, route.stat_prefix) == ("rule", "")


def test_redirect_goes_before_direct_response_and_that_before_route() -> None:
    everything = {"redirect": {"uri": "/x"}, "directResponse": {"status": 200}, "route": [to("one")]}
    assert [type(route.action) for route in build(everything)] == [Redirect]
    del everything["redirect"]
    assert [type(route.action) for route in build(everything)] == [DirectResponse]
    del everything["directResponse"]
    assert [type(route.action) for route in build(everything)] == [Forward]


@pytest.mark.parametrize(
    "action", [{"redirect": {"uri": "/x"}}, {"directResponse": {"status": 200}}, {"route": [to("one")]}]
)
def test_header_changes_faults_and_cross_origin_rules_hold_for_every_action(action: dict[str, Any]) -> None:
    (route,) = build(
        {
            **action,
            "headers": {"request": {"set": {"x": "1"}}},
            "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}},
            "corsPolicy": {"allowMethods": ["GET"]},
            "match": [prefix("/a", statPrefix="mine")],
        }
    )
    assert route.ops == HeaderOps(request_set=(("x", "1"),))
    assert route.fault is not None
    assert route.cors is not None
    assert route.stat_prefix == "mine"


@pytest.mark.parametrize(("tls", "port"), [(False, 443), (True, 0)])
def test_a_redirect_knows_the_scheme_of_its_server(*, tls: bool, port: int) -> None:
    place = RoutePlace("edge/gw", 443, tls=tls, labels={}, namespace="edge", domain=DOMAIN)
    (route,) = build({"redirect": {"derivePort": "FROM_REQUEST_PORT"}}, place=place)
    assert isinstance(route.action, Redirect)
    assert route.action.port == port


@pytest.mark.parametrize(
    ("rule", "operation"),
    [
        ({"route": [to("one", port=90)]}, "one:90/*"),
        ({"match": [prefix("/a")], "route": [to("one", port=90)]}, "one:90/a*"),
        ({"match": [{"uri": {"exact": "/a"}}], "route": [to("one", port=90)]}, "one:90/a"),
        ({"match": [{"uri": {"regex": "/a.+"}}], "route": [to("one", port=90)]}, "one:90/a.+"),
        ({"route": [to("one", 1), to("two", 1)]}, "web:80/*"),
        ({"route": [to("one", 1), to("two")]}, "web:80/*"),
        ({"redirect": {"uri": "/x"}}, "web:80/*"),
    ],
)
def test_operations_in_traces_are_named_after_the_only_cluster_or_the_rule(
    rule: dict[str, Any], operation: str
) -> None:
    (route,) = build(rule)
    assert route.operation == operation


def test_the_routes_of_a_delegate_belong_to_its_root() -> None:
    leaf = virtual_service("team/leaf", http=[{"route": [to("there")]}])
    (route,) = build({"delegate": {"name": "leaf", "namespace": "team"}}, leaves=(leaf,))
    assert (str(route.origin), hosts((route,))) == ("VirtualService/shop/web", ["there"])


def test_lists_of_several_rules_are_joined_with_catch_alls_last() -> None:
    one = build({"match": [prefix("/a")], "route": [to("a1")]}, {"route": [to("all1")]})
    two = build({"match": [prefix("/b")], "route": [to("b2")]}, {"route": [to("all2")]})
    assert hosts(order_routes([one, two])) == ["a1", "b2", "all1", "all2"]
    assert order_routes([one]) == one
    assert order_routes([]) == ()


def test_a_path_without_conditions_is_a_prefix() -> None:
    (route,) = build({"route": [to("one")]})
    assert route.match.path.kind is PathKind.PREFIX
