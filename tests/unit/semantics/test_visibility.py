"""Who sees an object, and whose VirtualServices come first."""

import pytest
from tests.unit.semantics.objects import virtual_service

from lateen.semantics.visibility import exported_namespaces, is_visible, rule_order


@pytest.mark.parametrize(
    ("export_to", "seen_by"),
    [
        ((), {"own", "edge", "team"}),
        (("*",), {"own", "edge", "team"}),
        (("*", "~"), {"own", "edge", "team"}),
        ((".",), {"own"}),
        (("own",), {"own"}),
        (("edge",), {"edge"}),
        ((".", "edge"), {"own", "edge"}),
        (("~",), set()),
        (("~", "edge"), set()),
    ],
)
def test_an_object_is_seen_where_it_is_exported_to(export_to: tuple[str, ...], seen_by: set[str]) -> None:
    viewers = ("own", "edge", "team")
    assert {viewer for viewer in viewers if is_visible(export_to, "own", viewer)} == seen_by


@pytest.mark.parametrize(
    ("values", "expected"),
    [((), {"*"}), ((".", "*"), {"*"}), (("~",), set()), ((".", "edge"), {"shop", "edge"})],
)
def test_export_lists_become_namespaces(values: tuple[str, ...], expected: set[str]) -> None:
    assert exported_namespaces(values, "shop") == expected


def test_own_rules_come_first_then_those_exported_here_then_public_ones() -> None:
    rules = [
        virtual_service("edge/open", "a.com", exportTo=["*"], created="2026-01-07T00:00:00Z"),
        virtual_service("shop/public", "a.com", created="2026-01-01T00:00:00Z"),
        virtual_service("shop/star", "a.com", exportTo=["*"], created="2026-01-02T00:00:00Z"),
        virtual_service("shop/exported", "a.com", exportTo=["edge"], created="2026-01-03T00:00:00Z"),
        virtual_service("edge/shared", "a.com", exportTo=[".", "team"], created="2026-01-04T00:00:00Z"),
        virtual_service("edge/private", "a.com", exportTo=["."], created="2026-01-05T00:00:00Z"),
        virtual_service("edge/named", "a.com", exportTo=["edge"], created="2026-01-06T00:00:00Z"),
    ]
    ordered = sorted(rules, key=lambda rule: rule_order(rule, "edge"))
    assert [rule.key.name for rule in ordered] == ["shared", "private", "named", "exported", "public", "star", "open"]


def test_rules_of_one_age_are_ordered_by_name_then_namespace() -> None:
    rules = [virtual_service(path, "a.com") for path in ("b/x", "a/y", "a/x")]
    ordered = sorted(rules, key=lambda rule: rule_order(rule, "edge"))
    assert [f"{rule.key.namespace}/{rule.key.name}" for rule in ordered] == ["a/x", "b/x", "a/y"]
