"""Runs snippets of YAML through the door and tells what was found where."""

from typing import Any, Final

import yaml

from lateen.model.keys import Key, Kind
from lateen.model.objects import Problem, print_path
from lateen.validation.intake import Intake

_INTAKE: Final = Intake()


def problems(kind: Kind, spec: Any) -> tuple[Problem, ...]:
    """Problems of an object `shop/it` with this spec."""
    raw = {
        "apiVersion": "networking.istio.io/v1",
        "kind": str(kind),
        "metadata": {"name": "it", "namespace": "shop"},
        "spec": spec,
    }
    return _INTAKE.admit(Key(kind, "shop", "it"), raw).problems


def findings(kind: Kind, spec: Any) -> list[str]:
    """The same as `error spec.hosts[0]`, sorted."""
    return sorted(f"{problem.severity} {print_path(problem.path)}" for problem in problems(kind, spec))


def virtual_service(snippet: str) -> list[str]:
    """Findings about a VirtualService of which the snippet replaces some top-level fields."""
    spec = {
        "hosts": ["shop.example.com"],
        "gateways": ["infra/public"],
        "http": [{"route": [{"destination": {"host": "cart"}}]}],
    }
    return findings(Kind.VIRTUAL_SERVICE, spec | yaml.safe_load(snippet))


def http_rule(snippet: str) -> list[str]:
    """Findings about one HTTP rule with a destination; paths start at the rule."""
    rule = {"route": [{"destination": {"host": "cart"}}]} | yaml.safe_load(snippet)
    found = virtual_service(yaml.safe_dump({"http": [rule]}, sort_keys=False))
    return [finding.replace("spec.http[0].", "").replace("spec.http[0]", "rule") for finding in found]


def destination_rule(snippet: str) -> list[str]:
    """Findings about a DestinationRule of which the snippet replaces some top-level fields."""
    return findings(Kind.DESTINATION_RULE, {"host": "cart"} | yaml.safe_load(snippet))


def traffic_policy(snippet: str) -> list[str]:
    """Findings about one traffic policy; paths start at the policy."""
    found = destination_rule(yaml.safe_dump({"trafficPolicy": yaml.safe_load(snippet)}, sort_keys=False))
    return [finding.replace("spec.trafficPolicy.", "").replace("spec.trafficPolicy", "policy") for finding in found]
