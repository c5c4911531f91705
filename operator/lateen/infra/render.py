"""From a class of proxies to the objects that run it: templates, filled with values as JSON.

Every printed expression of a template becomes JSON, which is YAML, so that no value can
change the shape of an object. Reading the templates is the only thing here that blocks.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, Self

import yaml
from jinja2 import DictLoader, Environment, StrictUndefined, Undefined

from lateen.envoy.overflow import PROMPTLY
from lateen.envoy.status_pages import LIVE, READY, STATISTICS
from lateen.envoy.xds_tls import discovery_files
from lateen.errors import InputError
from lateen.infra.base import ProxyPlan
from lateen.infra.naming import APPLIED, CLASS, labels_of, object_name, secret_name
from lateen.infra.pods import ADMIN_PORT, BOOTSTRAP, CONFIG_FOLDER, DRAIN, STATUS_PORT, TLS_FOLDER
from lateen.infra.tuning import tune
from lateen.ir.deployment import PROXY_LABEL, ProxyDeployment
from lateen.kube.client import Manifest
from lateen.kube.yaml_json import to_yaml_json
from lateen.semantics.option_values import OWN, POD_NAME
from lateen.settings import ProxyDefaults

CONFIG: Final = "lateen.io/config"
"""Annotation of a pod: a hash of the files it is given, so that other files mean other pods."""

NO_SERVICE: Final = "None"
"""Type of a Service that is not wanted."""

_PRIVILEGED: Final = 1024
_SLACK_SECONDS: Final = 10
"""What a pod gets to end beyond the time in which it drains."""
_SCRAPED: Final = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(STATUS_PORT),
    "prometheus.io/path": STATISTICS,
}
_OURS: Final = {"app.kubernetes.io/name": "lateen-proxy", "app.kubernetes.io/component": "proxy"}


@dataclass(frozen=True, slots=True)
class Renderer:
    """Templates that were read."""

    templates: Environment
    drain: str
    """The script that drains a pod."""

    @classmethod
    def load(cls) -> Self:
        """Read the templates. Blocks."""
        folder = files("lateen.infra") / "templates"
        texts = {file.name: file.read_text() for file in folder.iterdir() if file.name.endswith((".j2", ".sh"))}
        environment = Environment(
            loader=DictLoader(texts),
            undefined=StrictUndefined,
            finalize=_to_json,
            autoescape=False,  # noqa: S701 - YAML is made here, by way of JSON
            trim_blocks=True,
            lstrip_blocks=True,
        )
        for name in texts:
            if name.endswith(".j2"):
                environment.get_template(name)
        return cls(environment, texts[DRAIN])

    def render(self, plan: ProxyPlan, defaults: ProxyDefaults, instance: str) -> tuple[Manifest, ...]:
        """Make the objects of a class of proxies, in the order in which they are needed.

        Args:
            plan: what is to run, with its deployment.
            defaults: how it runs where no Gateway says otherwise.
            instance: the operator's namespace.

        Raises:
            InputError: the plan is not one for a cluster.
        """
        deployment = plan.deployment
        if deployment is None:
            raise InputError(f"proxy {plan.proxy} is not planned for a cluster")
        tuned = tune(defaults, deployment.options)
        values = self._values(plan, deployment, tuned, instance)
        return tuple(self._object(f"{kind}.yaml.j2", values) for kind in _kinds(deployment, tuned))

    def _object(self, template: str, values: Mapping[str, Any]) -> Manifest:
        text = self.templates.get_template(template).render(values)
        manifest: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)  # noqa: TID251 - made here, not by users
        manifest["metadata"]["annotations"][APPLIED] = _hash(manifest)
        return manifest

    def _values(
        self, plan: ProxyPlan, deployment: ProxyDeployment, tuned: ProxyDefaults, instance: str
    ) -> dict[str, Any]:
        """Everything that templates may print."""
        name = object_name(plan.proxy)
        pod_selector = {PROXY_LABEL: name}
        labels = {**_OURS, **labels_of(plan.proxy, instance)}
        annotations = {CLASS: plan.proxy.name}
        config = {BOOTSTRAP: plan.bootstrap, DRAIN: self.drain, **discovery_files(TLS_FOLDER)}
        drain = (tuned.drain_delay_seconds, tuned.drain_seconds, ADMIN_PORT, STATUS_PORT)
        targets = {port.target for port in deployment.ports}
        spread = tuned.topology_spread_constraints or (
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"},
        )
        return {
            "name": name,
            "namespace": deployment.namespace,
            "secret": secret_name(plan.proxy),
            "tuned": tuned,
            "labels": labels,
            "selected_labels": {**deployment.labels, **labels},
            "annotations": annotations,
            "service_annotations": {**tuned.service.annotations, **annotations},
            "pod_selector": pod_selector,
            "pod_labels": _pod_labels(deployment, tuned, labels, instance),
            "pod_annotations": {**_SCRAPED, **tuned.pod_annotations, CONFIG: _hash(config)},
            "files": config,
            "ports": deployment.ports,
            "reachable": sorted({*targets, STATUS_PORT}),
            "privileged": any(target < _PRIVILEGED for target in targets),
            "spread": [{"labelSelector": {"matchLabels": pod_selector}, **each} for each in spread],
            "arguments": _arguments(plan, tuned),
            "drain": ["bash", f"{CONFIG_FOLDER}/{DRAIN}", *map(str, drain)],
            "grace_seconds": max(tuned.drain_delay_seconds, tuned.drain_seconds) + _SLACK_SECONDS,
            "status_port": STATUS_PORT,
            "config_folder": CONFIG_FOLDER,
            "tls_folder": TLS_FOLDER,
            "ready": READY,
            "live": LIVE,
            "pod_name": POD_NAME,
        }


def wants_service(plan: ProxyPlan, defaults: ProxyDefaults) -> bool:
    """Whether a class has a Service as soon as it has ports."""
    deployment = plan.deployment
    return deployment is not None and tune(defaults, deployment.options).service.type != NO_SERVICE


def _kinds(deployment: ProxyDeployment, tuned: ProxyDefaults) -> Iterator[str]:
    yield from ("serviceaccount", "configmap")
    if tuned.network_policy.enabled:
        yield "networkpolicy"
    if deployment.ports and tuned.service.type != NO_SERVICE:
        yield "service"
    yield "deployment"
    if tuned.autoscaling.enabled:
        yield "horizontalpodautoscaler"
    if tuned.pod_disruption_budget.enabled:
        yield "poddisruptionbudget"


def _pod_labels(
    deployment: ProxyDeployment, tuned: ProxyDefaults, labels: Mapping[str, str], instance: str
) -> Mapping[str, str]:
    """What pods carry: the selector of their Gateways above all, so that Istio's users find them.

    Beside the operator they cannot be labelled like it, however a Gateway selects: its own
    Services would lead to them.
    """
    wished = {**labels, **tuned.pod_labels, **deployment.labels}
    own = {name: value for name, value in labels.items() if name.startswith(f"{OWN}/")}
    return {**wished, **_OURS, **own} if deployment.namespace == instance else {**wished, **own}


def _arguments(plan: ProxyPlan, tuned: ProxyDefaults) -> list[str]:
    """Envoy's command line. A listener that goes drains at once, as all its connections are told to end."""
    arguments = {
        "--config-path": f"{CONFIG_FOLDER}/{BOOTSTRAP}",
        "--service-node": f"$({POD_NAME})",
        "--log-level": tuned.log_level,
        "--drain-time-s": str(plan.listener_drain_seconds),
        "--drain-strategy": "immediate",
        **({"--concurrency": str(tuned.concurrency)} if tuned.concurrency else {}),
    }
    return [*(part for argument in arguments.items() for part in argument), *PROMPTLY, "--disable-hot-restart"]


def _to_json(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises, and says what is missing
    return to_yaml_json(value)


def _hash(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
