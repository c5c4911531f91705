"""What annotations of Gateways may wish of their proxies, and whose wish counts."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.semantics.objects import make, server_fields

from lateen.errors import InputError
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object, Severity
from lateen.semantics.proxy_options import (
    OPTIONS,
    PREFIX,
    Permission,
    Wish,
    check_options,
    choose_options,
    read_option,
)

OLD = "2026-01-01T00:00:00Z"
YOUNG = "2026-01-02T00:00:00Z"


def gateway(path: str, created: str = OLD, **options: str) -> Object[GatewaySpec]:
    annotations = {PREFIX + name.replace("_", "-"): text for name, text in options.items()}
    spec = {"selector": {"a": "b"}, "servers": [server_fields(80, "HTTP")]}
    return make(Kind.GATEWAY, GatewaySpec, spec, path, created=created, annotations={**annotations, "other": "x"})


def key(path: str) -> Key:
    namespace, name = path.split("/")
    return Key(Kind.GATEWAY, namespace, name)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("affinity", '{"nodeAffinity": {}}', {"nodeAffinity": {}}),
        ("autoscaling", "{}", {}),
        ("autoscaling", '{"minReplicas": 2, "maxReplicas": 4}', {"minReplicas": 2, "maxReplicas": 4}),
        ("autoscaling", '{"enabled": false}', {"enabled": False}),
        ("autoscaling", '{"metrics": [{"type": "Pods"}]}', {"metrics": ({"type": "Pods"},)}),
        ("concurrency", "0", 0),
        ("drain-delay-seconds", "3600", 3600),
        ("drain-seconds", "60", 60),
        ("external-traffic-policy", "Local", "Local"),
        ("extra-env", '[{"name": "A", "value": "b"}]', ({"name": "A", "value": "b"},)),
        ("image", "registry.example.com:5000/envoy@sha256:0a", "registry.example.com:5000/envoy@sha256:0a"),
        ("image-pull-policy", "Always", "Always"),
        ("image-pull-secrets", '["a", {"name": "b"}]', ({"name": "a"}, {"name": "b"})),
        ("load-balancer-class", "example.com/mine", "example.com/mine"),
        ("load-balancer-source-ranges", '["10.0.0.0/8", "::/0"]', ("10.0.0.0/8", "::/0")),
        ("log-level", "debug", "debug"),
        ("network-policy", "true", True),
        ("network-policy", "false", False),
        ("node-ports", '{"80": 30080}', {"80": 30080}),
        ("node-selector", '{"disk": "fast"}', {"disk": "fast"}),
        ("pod-annotations", '{"example.com/a": "😀"}', {"example.com/a": "😀"}),
        ("pod-disruption-budget", '{"minAvailable": "50%"}', {"minAvailable": "50%"}),
        ("pod-disruption-budget", '{"maxUnavailable": 0}', {"maxUnavailable": 0}),
        ("pod-labels", '{"team": "edge"}', {"team": "edge"}),
        ("priority-class-name", "high", "high"),
        ("replicas", "3", 3),
        ("resources", '{"requests": {"cpu": 0.5, "memory": "1Gi"}}', {"requests": {"cpu": "0.5", "memory": "1Gi"}}),
        ("service-annotations", '{"a": "b"}', {"a": "b"}),
        ("service-type", "None", "None"),
        ("tolerations", '[{"operator": "Exists"}]', ({"operator": "Exists"},)),
        ("topology-spread-constraints", "[]", ()),
    ],
)
def test_a_value_is_read(name: str, text: str, value: Any) -> None:
    assert read_option(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("replica", "3", "there is no such option; replicas is one"),
        ("replicas", "", "a whole number from 0 to 1000 is expected, not ''"),
        ("replicas", "-1", "a whole number from 0 to 1000"),
        ("replicas", "1001", "a whole number from 0 to 1000"),
        ("replicas", "²", "a whole number from 0 to 1000"),
        ("replicas", "9" * 5000, "a whole number from 0 to 1000"),
        ("image", "", "text without spaces is expected, not ''"),
        ("image", "a b", "text without spaces is expected"),
        ("image", "a\x00", "text without spaces is expected"),
        ("priority-class-name", "High", "the name of an object is expected, not 'High'"),
        ("service-type", "loadbalancer", "one of ClusterIP, NodePort, LoadBalancer, None is expected"),
        ("network-policy", "yes", "true or false is expected, not 'yes'"),
        ("affinity", "nodeAffinity: {}", "JSON is expected: Expecting value"),
        ("affinity", "[" * 100_000, "JSON is expected"),
        ("affinity", "[]", "a JSON object is expected, not a list"),
        ("affinity", '{"a": {"b": [null]}}', "null says nothing: leave the field out"),
        ("affinity", '{"a": NaN}', "JSON is expected: NaN is no number"),
        ("pod-annotations", '{"a": "\\ud83d"}', "half a character is no text"),
        ("pod-annotations", '{"\\udc00": "a"}', "half a character is no text"),
        ("pod-annotations", '{"a": 1}', "a: text is expected, not 1"),
        ("pod-annotations", '{"a b": "1"}', "'a b' is not a label key"),
        ("pod-annotations", '{"lateen.io/config": "1"}', "lateen.io/config: names of lateen.io are Lateen's own"),
        ("service-annotations", '{"proxy.lateen.io/a": "1"}', "names of lateen.io are Lateen's own"),
        ("pod-labels", '{"a": "b c"}', "'b c' is not a label value"),
        ("pod-labels", '{"lateen.io/proxy": "b"}', "names of lateen.io are Lateen's own"),
        ("node-selector", '{"a": true}', "a: text is expected, not true"),
        ("tolerations", '{"key": "a"}', "a list of JSON objects is expected, not a mapping"),
        ("tolerations", '["a"]', "a list of JSON objects is expected"),
        ("resources", '{"cpu": "1"}', "requests and limits are possible, not 'cpu'"),
        ("resources", '{"limits": {"cpu": "one"}}', "limits.cpu: a quantity such as 500m or 1Gi is expected"),
        ("resources", '{"limits": {"cpu": true}}', "limits.cpu: a quantity such as 500m"),
        ("resources", '{"limits": ["cpu"]}', "a JSON object is expected, not a list"),
        ("image-pull-secrets", '"mine"', "a list of names is expected, not 'mine'"),
        ("image-pull-secrets", "[1]", "a list of names is expected"),
        ("image-pull-secrets", '["A"]', "the name of an object is expected, not 'A'"),
        ("load-balancer-source-ranges", '"10.0.0.0/8"', "a list of address ranges is expected"),
        ("load-balancer-source-ranges", '["ten"]', "'ten' is not an IP address"),
        ("load-balancer-source-ranges", '["10.0.0.1"]', "a range such as 10.0.0.1/32 is expected"),
        ("node-ports", '{"http": 30080}', "a port by port is expected, not 30080 by 'http'"),
        ("node-ports", '{"80": 0}', "a port by port is expected, not 0 by '80'"),
        ("node-ports", '{"80": true}', "a port by port is expected, not true by '80'"),
        ("node-ports", '{"99999999": 1}', "a port by port is expected"),
        ("extra-env", '[{"value": "b"}]', "the name of a variable is expected, not null"),
        ("extra-env", '[{"name": "POD_NAME"}]', "the name of a variable is expected, not 'POD_NAME'"),
        ("autoscaling", '{"min": 1}', "enabled, minReplicas, .* are possible, not 'min'"),
        ("autoscaling", '{"minReplicas": 0}', "minReplicas: a whole number from 1 to 1000 is expected, not 0"),
        ("autoscaling", '{"enabled": 1}', "enabled: true or false is expected, not 1"),
        ("pod-disruption-budget", '{"minAvailable": "all"}', "minAvailable: a number of pods or a percentage"),
        ("pod-disruption-budget", '{"minAvailable": "101%"}', "minAvailable: a number of pods or a percentage"),
        ("pod-disruption-budget", '{"minAvailable": -1}', "minAvailable: a number of pods or a percentage"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_a_reason(name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_option(name, text)


def test_each_option_is_the_oldest_gateways_that_can_be_used() -> None:
    chosen = choose_options(
        [
            gateway("a/young", YOUNG, replicas="1", concurrency="4"),
            gateway("b/old", replicas="2", concurrency="many", service_type="NodePort"),
        ]
    )
    assert chosen == {
        "concurrency": Wish("4", key("a/young")),
        "replicas": Wish("2", key("b/old")),
        "service-type": Wish("NodePort", key("b/old")),
    }


def test_what_has_no_effect_is_said() -> None:
    old = gateway("a/old", replicas="2", resources='{"limits": {"cpu": 1}}')
    young = gateway("b/young", YOUNG, replicas="3", resources='{"limits": {"cpu": "1"}}', size="big")
    chosen = choose_options([old, young])
    assert list(check_options(old, chosen)) == []
    vain, unknown = check_options(young, chosen)
    assert (vain.path, vain.severity) == (("metadata", "annotations", "proxy.lateen.io/replicas"), Severity.INFO)
    assert vain.message == "the older Gateway a/old has the same proxies: its proxy.lateen.io/replicas counts"
    assert (unknown.path[-1], unknown.severity) == ("proxy.lateen.io/size", Severity.WARNING)
    assert unknown.message == "there is no such option; it has no effect"


def test_shared_proxies_are_tuned_in_their_own_namespace_only() -> None:
    permission = Permission(namespace="lateen-system")
    theirs, own = gateway("a/b", replicas="2"), gateway("lateen-system/b", YOUNG, replicas="3")
    chosen = choose_options([theirs, own], permission)
    assert chosen == {"replicas": Wish("3", own.key)}
    (problem,) = check_options(theirs, chosen, permission)
    assert problem.severity is Severity.WARNING
    assert problem.message.endswith("only Gateways of lateen-system can tune them; it has no effect")
    assert list(check_options(own, chosen, permission)) == []


def test_gateways_may_wish_what_is_left_to_them() -> None:
    permission = Permission(options=("replicas",))
    wishing = gateway("a/b", replicas="2", image="mine")
    chosen = choose_options([wishing], permission)
    assert list(chosen) == ["replicas"]
    (problem,) = check_options(wishing, chosen, permission)
    assert (problem.path[-1], problem.severity) == ("proxy.lateen.io/image", Severity.WARNING)
    assert "gateways.options" in problem.message


def test_every_option_is_documented() -> None:
    assert list(OPTIONS) == sorted(OPTIONS)
    rows = "".join(f"| `{name}` | {option.value} | {option.meaning} |\n" for name, option in OPTIONS.items())
    page = Path(__file__).parents[3] / "docs" / "proxies.md"
    assert f"| --- | --- | --- |\n{rows}\n" in page.read_text(), f"{page} lacks:\n{rows}"
