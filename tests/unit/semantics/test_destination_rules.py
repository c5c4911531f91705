"""Which rule applies, and what several of them amount to."""

from tests.unit.semantics.objects import DOMAIN, ROOT, proxy, rule, subset

from lateen.ir.proxy import Proxy
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.objects import Object
from lateen.semantics.destination_rules import EffectiveRule, find_rule, merge_rules

HOST = "cart.shop.svc.cluster.local"
POOL = {"connectionPool": {"tcp": {"maxConnections": 1}}}


def find(*rules: Object[DestinationRuleSpec], viewer: Proxy | None = None) -> EffectiveRule | None:
    return find_rule(rules, viewer or proxy("edge"), HOST, "shop", root_namespace=ROOT, domain=DOMAIN)


def names(found: EffectiveRule | None) -> list[str]:
    return [] if found is None else [f"{key.namespace}/{key.name}" for key in found.origins]


def test_a_short_host_means_the_rules_own_namespace() -> None:
    assert names(find(rule("shop/a", "cart"))) == ["shop/a"]
    assert find(rule("other/a", "cart")) is None


def test_a_wildcard_in_the_proxys_namespace_beats_a_specific_rule_of_the_service() -> None:
    assert names(find(rule("shop/specific", "cart"), rule("edge/wide", "*.local"))) == ["edge/wide"]


def test_the_root_namespace_comes_last() -> None:
    root = rule("istio-system/root", HOST)
    assert names(find(root)) == ["istio-system/root"]
    assert names(find(root, rule("shop/a", "cart"))) == ["shop/a"]


def test_a_private_rule_of_the_root_namespace_is_for_its_own_proxies_only() -> None:
    private = rule("istio-system/root", HOST, exportTo=["."])
    assert find(private) is None
    assert names(find(private, viewer=proxy("istio-system"))) == ["istio-system/root"]


def test_the_most_specific_wildcard_wins() -> None:
    found = find(rule("shop/a", "*.local"), rule("shop/b", "*.shop.svc.cluster.local"))
    assert names(found) == ["shop/b"]


def test_a_specific_rule_exported_elsewhere_hides_the_wildcard_of_its_namespace() -> None:
    wide = rule("shop/wide", "*.local")
    assert find(wide, rule("shop/specific", "cart", exportTo=["other"])) is None
    assert names(find(wide, rule("shop/specific", "cart", exportTo=["."]))) == ["shop/wide"]


def test_a_rule_exported_elsewhere_does_not_hold_at_home() -> None:
    assert find(rule("edge/a", HOST, exportTo=["other"])) is None


def test_rules_of_one_host_unite_their_subsets_and_the_oldest_policy_counts() -> None:
    old = rule("shop/old", "cart", subsets=[subset("v1")], created="1")
    new = rule("shop/new", HOST, POOL, subsets=[subset("v1", other="x"), subset("v2")], created="2")
    found = find(new, old)
    assert names(found) == ["shop/old", "shop/new"]
    assert found is not None
    assert [(each.name, dict(each.labels)) for each in found.subsets] == [
        ("v1", {"version": "v1"}),
        ("v2", {"version": "v2"}),
    ]
    assert found.policy is not None
    assert found.policy.connection_pool is not None


def test_rules_with_different_exports_stay_apart_and_the_wider_one_is_merged_as_well() -> None:
    narrow = rule("shop/narrow", "cart", subsets=[subset("v1")], exportTo=["edge"], created="1")
    wider = rule("shop/wider", "cart", subsets=[subset("v2")], exportTo=["edge", "other"], created="2")
    other = rule("shop/other", "cart", subsets=[subset("v3")], exportTo=["third"], created="3")
    entries = merge_rules([narrow, wider, other], DOMAIN)
    assert [[each.name for each in merged.subsets] for merged in entries] == [["v1", "v2"], ["v2"], ["v3"]]


def test_a_rule_with_a_selector_is_for_matching_proxies_of_its_namespace() -> None:
    selecting = rule("edge/a", HOST, subsets=[subset("v1")], workloadSelector={"matchLabels": {"app": "gw"}})
    general = rule("edge/b", HOST, subsets=[subset("v2")])
    chosen = find(general, selecting, viewer=proxy("edge", app="gw"))
    assert chosen is not None
    assert [each.name for each in chosen.subsets] == ["v1"]
    assert names(find(general, selecting, viewer=proxy("edge", app="other"))) == ["edge/b"]
    assert find(selecting, viewer=proxy("edge", app="other")) is None


def test_a_general_rule_of_the_same_exports_completes_one_with_a_selector() -> None:
    selecting = rule("edge/a", HOST, subsets=[subset("v1")], workloadSelector={"matchLabels": {"app": "gw"}})
    general = rule("edge/b", HOST, POOL, subsets=[subset("v2")], exportTo=["."])
    chosen = find(general, selecting, viewer=proxy("edge", app="gw"))
    assert chosen is not None
    assert [each.name for each in chosen.subsets] == ["v1", "v2"]
    assert chosen.policy is not None


def test_rules_for_different_proxies_stay_apart() -> None:
    one, two, same = (
        rule(f"edge/{name}", "cart.shop.svc.cluster.local", POOL, workloadSelector={"matchLabels": {"app": app}})
        for name, app in (("a", "one"), ("b", "two"), ("c", "one"))
    )
    merged = merge_rules([one, two, same], DOMAIN)
    assert [[key.name for key in found.origins] for found in merged] == [["a", "c"], ["b"]]
