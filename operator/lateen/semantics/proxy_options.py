"""What a Gateway's author may wish of the proxies: annotations `proxy.lateen.io/OPTION`.

Plain values are written as they are, structures as JSON. Several Gateways share a class of
proxies; each option is the oldest Gateway's that gives it a value that can be used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from lateen.errors import InputError
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key
from lateen.model.objects import Object, Problem, Severity
from lateen.semantics import option_values as values
from lateen.semantics.option_values import Reader, read_json, read_name, read_one_of, read_whole, read_word

PREFIX: Final = "proxy.lateen.io/"
"""What the annotations' names begin with."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    read: Reader
    value: str
    """What is written, in words."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Wish:
    """The value of an option that counts for a class of proxies."""

    text: str
    """As written."""
    gateway: Key
    """Who wishes it."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may wish what."""

    options: tuple[str, ...] = ("*",)
    """Options by name; `*`: all."""
    namespace: str = ""
    """Where Gateways have a say, because they share proxies with all others; empty: everywhere."""

    def refusal(self, gateway: Key, option: str) -> str:
        """Tell why a Gateway may not wish for an option; empty: it may."""
        if self.namespace and gateway.namespace != self.namespace:
            return f"the proxies are shared by all namespaces, so only Gateways of {self.namespace} can tune them"
        if "*" in self.options or option in self.options:
            return ""
        return "the operator's settings (gateways.options) do not leave this to Gateways"


EVERYTHING: Final = Permission()

_AUTOSCALING: Final = values.fields(
    enabled=values.switch,
    minReplicas=values.count,
    maxReplicas=values.count,
    targetCPUUtilizationPercentage=values.count,
    metrics=values.mappings,
    behavior=values.mapping,
)
_BUDGET: Final = values.fields(enabled=values.switch, minAvailable=values.share, maxUnavailable=values.share)
_LEVELS: Final = ("trace", "debug", "info", "warning", "error", "critical", "off")

OPTIONS: Final[Mapping[str, Option]] = {
    "affinity": Option(read_json(values.mapping), "JSON, as in a pod", "Where pods go"),
    "autoscaling": Option(
        read_json(_AUTOSCALING),
        "JSON: `minReplicas`, `maxReplicas`, `targetCPUUtilizationPercentage`, `metrics`, `behavior`, `enabled`",
        "The HorizontalPodAutoscaler; there is one unless `enabled` is false",
    ),
    "concurrency": Option(read_whole(0, 1024), "number", "Worker threads of each Envoy; 0: one for each processor"),
    "drain-delay-seconds": Option(
        read_whole(0, 3600), "number", "Seconds that a pod which is to end goes on taking connections"
    ),
    "drain-seconds": Option(read_whole(0, 3600), "number", "Seconds that it has in all for its connections to end"),
    "external-traffic-policy": Option(
        read_one_of("Cluster", "Local"), "`Cluster` or `Local`", "Whether nodes lead connections to other nodes"
    ),
    "extra-env": Option(read_json(values.environment), "JSON list, as in a container", "More environment variables"),
    "image": Option(read_word, "text", "Image with Envoy and bash"),
    "image-pull-policy": Option(
        read_one_of("Always", "IfNotPresent", "Never"), "`Always`, `IfNotPresent` or `Never`", "When it is pulled"
    ),
    "image-pull-secrets": Option(read_json(values.secrets), "JSON list of names", "Secrets to pull it with"),
    "load-balancer-class": Option(read_word, "text", "Which load balancer"),
    "load-balancer-source-ranges": Option(
        read_json(values.ranges), "JSON list of ranges", "Who may call the load balancer"
    ),
    "log-level": Option(read_one_of(*_LEVELS), f"one of {', '.join(_LEVELS)}", "Envoy's own log level"),
    "network-policy": Option(values.read_flag, "`true` or `false`", "Whether there is a NetworkPolicy"),
    "node-ports": Option(read_json(values.node_ports), "JSON, node port by port", "Fixed node ports of the Service"),
    "node-selector": Option(read_json(values.texts), "JSON, value by label", "Labels of nodes that pods may run on"),
    "pod-annotations": Option(read_json(values.annotations), "JSON, text by name", "More annotations of the pods"),
    "pod-disruption-budget": Option(
        read_json(_BUDGET), "JSON: `minAvailable` or `maxUnavailable`, `enabled`", "The PodDisruptionBudget"
    ),
    "pod-labels": Option(read_json(values.labels), "JSON, value by label", "More labels of the pods"),
    "priority-class-name": Option(read_name, "name", "PriorityClass of the pods"),
    "replicas": Option(read_whole(0, values.MOST_PODS), "number", "Pods, where nothing scales them"),
    "resources": Option(read_json(values.resources), "JSON: `requests`, `limits`", "What a pod asks for, and may take"),
    "service-annotations": Option(read_json(values.annotations), "JSON, text by name", "Annotations of the Service"),
    "service-type": Option(
        read_one_of("ClusterIP", "NodePort", "LoadBalancer", "None"),
        "`ClusterIP`, `NodePort`, `LoadBalancer` or `None`",
        "Type of the Service; `None`: there is none",
    ),
    "tolerations": Option(read_json(values.mappings), "JSON list, as in a pod", "Taints of nodes that pods tolerate"),
    "topology-spread-constraints": Option(read_json(values.mappings), "JSON list, as in a pod", "How pods spread"),
}
"""Every option by its name."""


def read_option(name: str, text: str) -> Any:
    """Read the value of an option: structures are mappings and tuples, their fields spelled as in JSON.

    Raises:
        InputError: there is no such option, or its value cannot be used.
    """
    option = OPTIONS.get(name)
    if option is None:
        similar = get_close_matches(name, OPTIONS, n=1)
        raise InputError(f"there is no such option{f'; {similar[0]} is one' if similar else ''}")
    return option.read(text)


def wishes_of(gateway: Object[GatewaySpec]) -> Iterator[tuple[str, str]]:
    """Every option that a Gateway's annotations name, with its text; known or not."""
    for name, text in sorted(gateway.meta.annotations.items()):
        if name.startswith(PREFIX):
            yield name.removeprefix(PREFIX), text


def choose_options(gateways: Iterable[Object[GatewaySpec]], permission: Permission = EVERYTHING) -> dict[str, Wish]:
    """The options of a class of proxies: each the oldest Gateway's that may, and gives it a usable value."""
    chosen: dict[str, Wish] = {}
    for gateway in sorted(gateways, key=lambda each: each.meta.age_order):
        for name, text in wishes_of(gateway):
            if name not in chosen and not (permission.refusal(gateway.key, name) or find_fault(name, text)):
                chosen[name] = Wish(text, gateway.key)
    return dict(sorted(chosen.items()))


def check_options(
    gateway: Object[GatewaySpec], chosen: Mapping[str, Wish], permission: Permission = EVERYTHING
) -> Iterator[Problem]:
    """What has no effect of a Gateway's options: what it may not, what cannot be used, what an older one overrules."""
    for name, text in wishes_of(gateway):
        annotation = PREFIX + name
        if fault := find_fault(name, text) or permission.refusal(gateway.key, name):
            message, severity = f"{fault}; it has no effect", Severity.WARNING
        elif name in chosen and read_option(name, text) != read_option(name, chosen[name].text):
            older = chosen[name].gateway
            message = f"the older Gateway {older.namespace}/{older.name} has the same proxies: its {annotation} counts"
            severity = Severity.INFO
        else:
            continue
        yield Problem(("metadata", "annotations", annotation), message, severity)


def find_fault(name: str, text: str) -> str:
    """Tell why an option cannot be used; empty: it can."""
    try:
        read_option(name, text)
    except InputError as error:
        return str(error)
    return ""
