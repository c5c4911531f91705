"""Delegation: which rules take the place of a root rule, and how two rules become one."""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.unit.semantics.objects import DOMAIN, decode, http_rule, to, virtual_service

from lateen.model.matching import HttpMatch
from lateen.model.objects import Object
from lateen.model.virtualservice import HttpRule, VirtualServiceSpec
from lateen.semantics.delegate import FindDelegate, conflict, expand, lost_delegates, merge_rules, unmet_rules

Rule = Object[VirtualServiceSpec]


def finding(*objects: Rule) -> FindDelegate:
    """Look up delegates among these."""
    known = {(obj.key.namespace, obj.key.name): obj for obj in objects}
    return lambda namespace, name: known.get((namespace, name))


def match(**fields: Any) -> HttpMatch:
    return decode(HttpMatch, fields)


def root(*http: dict[str, Any], path: str = "shop/root") -> Rule:
    return virtual_service(path, "shop.com", gateways=["gw"], http=list(http))


def delegate(*http: dict[str, Any], path: str = "shop/leaf", **options: Any) -> Rule:
    return virtual_service(path, http=list(http), **options)


def names(rules: Iterable[tuple[HttpRule, str]]) -> list[str]:
    return [rule.route[0].destination.host for rule, _ in rules]


TO_LEAF = {"delegate": {"name": "leaf"}}


def test_the_rules_of_a_delegate_take_the_place_of_the_root_rule() -> None:
    obj = root({"route": [to("before")]}, TO_LEAF, {"route": [to("after")]})
    leaf = delegate({"route": [to("one")]}, {"route": [to("two")]})
    assert names(expand(obj, finding(leaf), DOMAIN)) == ["before", "one", "two", "after"]
    assert list(lost_delegates(obj, finding(leaf))) == []


def test_hosts_of_a_delegate_are_relative_to_its_own_namespace() -> None:
    obj = root({"route": [to("here")]}, {"delegate": {"name": "leaf", "namespace": "team"}})
    leaf = delegate({"route": [to("there")]}, path="team/leaf")
    assert [namespace for _, namespace in expand(obj, finding(leaf), DOMAIN)] == ["shop", "team"]


@pytest.mark.parametrize(
    "leaf",
    [
        delegate({"route": [to("x")]}, path="team/leaf", exportTo=["."]),
        delegate({"route": [to("x")]}, path="team/leaf", exportTo=["edge"]),
        delegate({"route": [to("x")]}, path="team/other"),
        virtual_service("team/leaf", "a.com", http=[{"route": [to("x")]}]),
    ],
    ids=["private", "exported elsewhere", "missing", "with hosts of its own"],
)
def test_a_delegate_that_cannot_be_reached_drops_only_its_rule(leaf: Rule) -> None:
    obj = root({"delegate": {"name": "leaf", "namespace": "team"}}, {"route": [to("after")]})
    assert names(expand(obj, finding(leaf), DOMAIN)) == ["after"]
    assert list(lost_delegates(obj, finding(leaf))) == [(0, "team/leaf")]
    assert list(unmet_rules(obj, finding(leaf))) == []


def test_a_delegate_may_be_exported_to_the_namespace_of_the_root() -> None:
    obj = root({"delegate": {"name": "leaf", "namespace": "team"}})
    leaf = delegate({"route": [to("x")]}, path="team/leaf", exportTo=["shop"])
    assert names(expand(obj, finding(leaf), DOMAIN)) == ["x"]


def test_delegates_do_not_delegate_further() -> None:
    deeper = delegate({"route": [to("x")]}, path="shop/deeper")
    leaf = delegate({"delegate": {"name": "deeper"}})
    ((rule, _),) = expand(root(TO_LEAF), finding(leaf, deeper), DOMAIN)
    assert (rule.delegate, rule.route) == (None, ())


FIELDS: list[tuple[str, Any, Any]] = [
    ("rewrite", {"uri": "/root"}, {"uri": "/leaf"}),
    ("timeout", "1s", "2s"),
    ("retries", {"attempts": 1}, {"attempts": 2}),
    ("fault", {"abort": {"httpStatus": 500}}, {"abort": {"httpStatus": 501}}),
    ("mirror", {"host": "root"}, {"host": "leaf"}),
    ("mirrors", [{"destination": {"host": "root"}}], [{"destination": {"host": "leaf"}}]),
    ("mirrorPercent", 1, 2),
    ("mirrorPercentage", {"value": 1}, {"value": 2}),
    ("corsPolicy", {"allowHeaders": ["root"]}, {"exposeHeaders": ["leaf"]}),
    ("headers", {"request": {"set": {"a": "root"}}}, {"response": {"set": {"b": "leaf"}}}),
    ("directResponse", {"status": 200}, {"status": 201}),
]


@pytest.mark.parametrize(("field", "outer", "inner"), FIELDS, ids=[field for field, _, _ in FIELDS])
def test_a_field_of_the_delegate_wins_as_a_whole_and_the_root_fills_gaps(field: str, outer: Any, inner: Any) -> None:
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field)
    empty, from_root, from_leaf = http_rule(), http_rule(**{field: outer}), http_rule(**{field: inner})
    for one, other, wins in (
        (from_root, from_leaf, from_leaf),
        (from_root, empty, from_root),
        (empty, from_leaf, from_leaf),
    ):
        merged = merge_rules(one, other)
        assert merged is not None
        assert getattr(merged, name) == getattr(wins, name)


def test_destinations_and_redirects_are_the_delegates_alone() -> None:
    outer = http_rule(route=[to("root")], redirect={"uri": "/root"})
    merged = merge_rules(outer, http_rule(route=[to("leaf")]))
    assert merged is not None
    assert (merged.route[0].destination.host, merged.redirect) == ("leaf", None)


@pytest.mark.parametrize(
    ("outer", "inner", "merged"),
    [("root", "leaf", "root-leaf"), ("root", "", "root"), ("", "leaf", "leaf"), ("", "", "")],
)
def test_names_of_rules_and_matches_are_joined(outer: str, inner: str, merged: str) -> None:
    rule = merge_rules(http_rule(name=outer, match=[{"name": outer}]), http_rule(name=inner, match=[{"name": inner}]))
    assert rule is not None
    assert (rule.name, rule.match[0].name) == (merged, merged)


def merged_matches(outer: list[dict[str, Any]], inner: list[dict[str, Any]]) -> list[HttpMatch] | None:
    rule = merge_rules(http_rule(match=outer), http_rule(match=inner))
    return None if rule is None else list(rule.match)


A, B = {"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}
A_1, B_1 = {"uri": {"prefix": "/a/1"}}, {"uri": {"exact": "/b/1"}}
GET = {"method": {"exact": "GET"}}


def test_where_one_side_has_no_matches_those_of_the_other_hold() -> None:
    assert merged_matches([A], []) == merged_matches([], [A]) == [match(**A)]
    assert merged_matches([], []) == []


def test_matches_are_combined_pair_by_pair_in_the_order_of_the_delegate() -> None:
    assert merged_matches([A, B], [B_1, GET]) == [match(**B_1), match(**GET, **A), match(**GET, **B)]


def test_a_delegates_match_that_fits_no_match_of_the_root_drops_the_whole_rule() -> None:
    assert merged_matches([A], [A_1, B_1]) is None
    obj = root({**TO_LEAF, "match": [A]})
    leaf = delegate({"match": [A_1, B_1], "route": [to("dropped")]}, {"route": [to("kept")]})
    assert names(expand(obj, finding(leaf), DOMAIN)) == ["kept"]
    assert list(unmet_rules(obj, finding(leaf))) == [(0, "shop/leaf", 0)]
    assert list(unmet_rules(root({"route": [to("x")]}), finding(leaf))) == []


@pytest.mark.parametrize(
    ("outer", "inner", "excludes"),
    [
        ({"prefix": "/a"}, {"prefix": "/a/b"}, False),
        ({"prefix": "/a"}, {"exact": "/a/b"}, False),
        ({"prefix": "/a"}, {"exact": "/ab"}, False),
        ({"prefix": "/a/b"}, {"prefix": "/a"}, True),
        ({"prefix": "/a"}, {"exact": "/b"}, True),
        ({"prefix": "/a"}, {}, True),
        ({"exact": "/a"}, {"exact": "/a"}, False),
        ({"exact": "/a"}, {"exact": "/b"}, True),
        ({"exact": "/a"}, {"prefix": "/a"}, True),
        ({"exact": "/a"}, {}, True),
        ({"regex": "/a"}, {"exact": "/a"}, True),
        ({"prefix": "/a"}, {"regex": "/a.*"}, True),
        ({}, {"exact": "/a"}, False),
        ({}, {}, False),
    ],
)
@pytest.mark.parametrize("field", ["uri", "scheme", "method", "authority", "headers", "withoutHeaders", "queryParams"])
def test_texts_exclude_each_other_unless_the_delegates_lies_within_the_roots(
    field: str, outer: dict[str, str], inner: dict[str, str], *, excludes: bool
) -> None:
    by_name = field in {"headers", "withoutHeaders", "queryParams"}
    one = match(**{field: {"x": outer, "y": outer} if by_name else outer})
    other = match(**{field: {"x": inner} if by_name else inner})
    assert conflict(one, other) is excludes
    assert not conflict(one, match())
    assert not conflict(match(), other)


@pytest.mark.parametrize(
    ("outer", "inner", "excludes"),
    [
        ({"ignoreUriCase": True}, {}, True),
        ({}, {"ignoreUriCase": True}, True),
        ({"ignoreUriCase": True}, {"ignoreUriCase": True}, False),
        ({"port": 80}, {"port": 443}, True),
        ({"port": 80}, {"port": 80}, False),
        ({"port": 80}, {}, False),
        ({}, {"port": 80}, False),
        ({"sourceNamespace": "a"}, {"sourceNamespace": "b"}, True),
        ({"sourceNamespace": "a"}, {}, True),
        ({"sourceNamespace": "a"}, {"sourceNamespace": "a"}, False),
        ({}, {"sourceNamespace": "a"}, False),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"app": "b"}}, True),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"tier": "b"}}, False),
        ({"gateways": ["a/x", "a/y"]}, {"gateways": ["a/x"]}, False),
        ({"gateways": ["a/x"]}, {"gateways": ["a/x", "a/y"]}, True),
        ({"gateways": ["a/x"]}, {}, False),
        ({}, {"gateways": ["a/x"]}, False),
    ],
)
def test_other_conditions_exclude_each_other(outer: dict[str, Any], inner: dict[str, Any], *, excludes: bool) -> None:
    assert conflict(match(**outer), match(**inner)) is excludes


def test_a_merged_match_has_the_conditions_of_both_and_the_delegates_win() -> None:
    outer = {
        "uri": {"prefix": "/a"},
        "scheme": {"exact": "https"},
        "headers": {"x": {"prefix": "a"}, "y": {"exact": "1"}},
        "withoutHeaders": {"w": {"exact": "1"}},
        "queryParams": {"q": {"exact": "1"}},
        "sourceLabels": {"app": "a"},
        "port": 80,
        "gateways": ["a/x", "a/y"],
        "statPrefix": "root",
    }
    inner = {
        "uri": {"prefix": "/a/b"},
        "method": {"exact": "GET"},
        "authority": {"exact": "a.com"},
        "headers": {"x": {"exact": "ab"}, "z": {"exact": "2"}},
        "withoutHeaders": {"v": {"exact": "2"}},
        "queryParams": {"p": {"exact": "2"}},
        "sourceLabels": {"tier": "b"},
        "sourceNamespace": "team",
        "gateways": ["a/y"],
    }
    assert merged_matches([outer], [inner]) == [
        match(
            uri={"prefix": "/a/b"},
            scheme={"exact": "https"},
            method={"exact": "GET"},
            authority={"exact": "a.com"},
            headers={"x": {"exact": "ab"}, "y": {"exact": "1"}, "z": {"exact": "2"}},
            withoutHeaders={"w": {"exact": "1"}, "v": {"exact": "2"}},
            queryParams={"q": {"exact": "1"}, "p": {"exact": "2"}},
            sourceLabels={"app": "a", "tier": "b"},
            sourceNamespace="team",
            port=80,
            gateways=["a/y"],
            statPrefix="root",
        )
    ]


def test_gateways_in_matches_are_named_from_the_namespace_of_their_own_object() -> None:
    obj = root({"delegate": {"name": "leaf", "namespace": "team"}, "match": [{"gateways": ["gw", "team/gw"]}]})
    leaf = delegate(
        {"match": [{"gateways": ["gw"]}], "route": [to("same-name-elsewhere")]},
        {"match": [{"gateways": ["shop/gw"]}], "route": [to("roots")]},
        {"match": [{"gateways": ["inner"]}], "route": [to("not-the-roots")]},
        path="team/leaf",
    )
    expanded = list(expand(obj, finding(leaf), DOMAIN))
    assert [rule.match[0].gateways for rule, _ in expanded] == [("team/gw",), ("shop/gw",)]
    assert list(unmet_rules(obj, finding(leaf))) == [(0, "team/leaf", 2)]


def test_mirrors_that_a_delegate_takes_over_stay_relative_to_the_root() -> None:
    mirrors = {"mirror": {"host": "audit"}, "mirrors": [{"destination": {"host": "trail"}}]}
    obj = root({"delegate": {"name": "leaf", "namespace": "team"}, **mirrors})
    own = {"mirror": {"host": "own"}, "mirrors": [{"destination": {"host": "own"}}]}
    leaf = delegate({"route": [to("x")]}, {"route": [to("x")], **own}, path="team/leaf")
    taken, kept = (rule for rule, _ in expand(obj, finding(leaf), DOMAIN))
    assert taken.mirror is not None
    assert kept.mirror is not None
    assert [taken.mirror.host, taken.mirrors[0].destination.host] == [
        "audit.shop.svc.cluster.local",
        "trail.shop.svc.cluster.local",
    ]
    assert [kept.mirror.host, kept.mirrors[0].destination.host] == ["own", "own"]
