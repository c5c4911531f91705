"""Completes cases that hold a fragment, so that a whole configuration can be compiled from them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from lateen.envoy.names import parse_cluster_name
from lateen.sources.yaml_documents import read_documents

Case: TypeAlias = Mapping[str, Any]

HOST: Final = "probe.test"
"""Host of rules that have none."""

HOST_SETTINGS: Final[Mapping[str, Any]] = {"includeRequestAttemptCount": True}
CONFIGURATION_SETTINGS: Final[Mapping[str, Any]] = {
    "ignorePortInHostMatching": True,
    "maxDirectResponseBodySizeBytes": 1 << 20,
    "validateClusters": False,
}
"""What the reference says of every host and configuration (istio-semantics §3.4), where a case has routes only."""

_PROXY: Final = {"type": "router", "namespace": "default", "labels": {"istio": "ingressgateway"}}
_OBSERVING: Final = frozenset({"prometheus", "stackdriver", "envoyFileAccessLog", "envoyExtAuthzGrpc"})
"""Providers of the reference's mesh that only a policy of another kind would use."""
_ROUTABLE: Final = re.compile(r"(?!\*)[a-z0-9.-]+\.[a-z0-9.-]+")
_MESH_MODES: Final = frozenset({"ISTIO_MUTUAL", "AUTO_PASSTHROUGH"})
_GUESSED: Final = "UnsupportedProtocol"
"""What the reference calls the protocol of a port that a sidecar finds out by looking."""


def without_providers(case: Case) -> Case:
    """Leave out what a mesh offers to kinds of objects that the case does not have."""
    mesh = dict(case.get("mesh_config") or {})
    providers = [each for each in mesh.pop("extensionProviders", ()) if not _OBSERVING & set(each)]
    if providers:
        mesh["extensionProviders"] = providers
    return {**case, "mesh_config": mesh}


def complete_server(case: Case) -> Case:
    """Give a fragment of a TLS server its number and name, and a proxy to run on."""
    [gateway] = _documents(case)
    server = gateway["spec"]["servers"][0]
    server["port"] = {"number": 443, "name": "https", **server["port"]}
    mode = (server.get("tls") or {}).get("mode")
    reason = f"the mode {mode}" if mode in _MESH_MODES else ""
    if case["transport_protocol"] != "TCP":
        reason = case["transport_protocol"]
    return {**case, "proxy": _PROXY, "config_yaml": json.dumps(gateway), "unsupported": reason}


def open_gateway(case: Case) -> Case:
    """Put a rule behind a gateway of its own and give it a host."""
    objects = list(_documents(case))
    for each in objects:
        if each["kind"] == "VirtualService":
            each["spec"]["hosts"] = [HOST]
    port = {"number": case["listen_port"], "name": "http", "protocol": "HTTP"}
    [gateway] = case["gateway_names"]
    objects.append(_gateway(gateway, port))
    services = [{"labels": {}, **service} for service in (case.get("services") or {}).values()]
    return {
        **case,
        "proxy": _PROXY,
        "config_yaml": _yaml(objects),
        "registry_services": services,
        "unsupported": _incomplete(case),
    }


def _incomplete(case: Case) -> str:
    if case["is_tls"]:
        return "a rule behind TLS"
    if "hashPolicy" in json.dumps(case["output"]) and "DestinationRule" not in case["config_yaml"]:
        return "a DestinationRule that is given in Go"
    return ""


def route_to_clusters(case: Case) -> Case:
    """Route to each cluster that is asked for: Lateen makes no others."""
    case = _with_routable_names(without_providers(case))
    mesh = {name: value for name, value in case["mesh_config"].items() if name != "enableAutoMtls"}
    timeout = mesh.pop("connectTimeout", "10s")
    services = case.get("registry_services") or []
    output = [each for each in case["output"] if each["name"].startswith("outbound|")]
    if case["proxy"]["type"] == "sidecar":
        guessed = {port["port"] for each in services for port in each["ports"] if port["protocol"] == _GUESSED}
        output = [each for each in output if parse_cluster_name(each["name"]).port not in guessed]
    rules = [_rule(index, each["name"]) for index, each in enumerate(output)]
    given = _yaml([_gateway("probe", {"number": 80, "name": "http", "protocol": "HTTP"}), *rules])
    return {
        **case,
        "output": output,
        "proxy": {**_PROXY, "namespace": case["proxy"]["namespace"]},
        "config_yaml": f"{given}\n---\n{case['config_yaml']}",
        "registry_services": [_with_endpoints(each, case.get("registry_instances") or []) for each in services],
        "registry_instances": [],
        "mesh_config": mesh,
        "connect_timeout": timeout,
        "unsupported": _out_of_reach(case),
    }


def _with_routable_names(case: Case) -> Case:
    """Rename services that no rule could route to (`*.example.org`, `name with spaces`); nothing depends on it."""
    text = json.dumps(case)
    for index, service in enumerate(case.get("registry_services") or ()):
        name = service["hostname"]
        if not _ROUTABLE.fullmatch(name):
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"service-{index}.test", text)
    renamed: Case = json.loads(text)
    return renamed


def _out_of_reach(case: Case) -> str:
    """Why Lateen cannot be asked for these clusters; empty: it can."""
    if "ISTIO_MUTUAL" in case["config_yaml"]:
        return "certificates of the mesh (ISTIO_MUTUAL)"
    if "DYNAMIC_DNS" in case["config_yaml"]:
        return "the resolution DYNAMIC_DNS"
    unresolved = any(each.get("type") == "ORIGINAL_DST" for each in case["output"] if "|" in each["name"])
    if unresolved and case["proxy"]["type"] == "sidecar" and "PASSTHROUGH" not in case["config_yaml"]:
        return "a destination that only a sidecar knows (istio-semantics §6.72)"
    return ""


def _documents(case: Case) -> Iterator[dict[str, Any]]:
    for document in read_documents(case["config_yaml"], "case.yaml").documents:
        yield json.loads(json.dumps(document.raw))


def _yaml(objects: list[dict[str, Any]]) -> str:
    return "\n---\n".join(json.dumps(each) for each in objects)


def _gateway(name: str, port: dict[str, Any]) -> dict[str, Any]:
    spec = {"selector": _PROXY["labels"], "servers": [{"port": port, "hosts": ["*"]}]}
    return _object("Gateway", name, spec)


def _rule(index: int, cluster: str) -> dict[str, Any]:
    wanted = parse_cluster_name(cluster)
    destination = {"host": wanted.host, "port": {"number": wanted.port}}
    if wanted.subset:
        destination["subset"] = wanted.subset
    spec = {"hosts": [f"{index}.test"], "gateways": ["probe"], "http": [{"route": [{"destination": destination}]}]}
    return _object("VirtualService", f"probe-{index}", spec)


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _with_endpoints(service: dict[str, Any], instances: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the instances of a service where an object has them; a guessed protocol is none."""
    ports = [{**port, "protocol": port["protocol"].replace(_GUESSED, "")} for port in service["ports"]]
    endpoints = [
        {
            "address": address,
            "ports": {instance["service_port"]["name"]: instance["endpoint_port"]},
            "labels": instance.get("labels") or {},
            "locality": instance.get("locality") or "",
            **({"weight": instance["lb_weight"]} if instance.get("lb_weight") else {}),
        }
        for instance in instances
        if instance["service"] == service["hostname"]
        for address in instance["addresses"]
    ]
    return {**service, "ports": ports, "endpoints": endpoints}
