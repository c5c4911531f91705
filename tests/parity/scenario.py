"""A case of the groups `simulation…/`: objects, the proxy they are compiled for, and calls."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.parity.documents import read_objects
from tests.parity.matcher import Request, Security

from lateen.ir.proxy import Proxy, ProxyId
from lateen.model.keys import Kind
from lateen.model.objects import Change, RawObject
from lateen.validation.intake import Intake

_RESOLUTIONS: Final = {
    "ClientSide": "STATIC",
    "DNS": "DNS",
    "DNSLB": "DNS",
    "DNSRoundRobinLB": "DNS_ROUND_ROBIN",
    "Passthrough": "NONE",
}
_SETTINGS: Final = ("mesh_config", "feature_flags")
"""Settings of the reference that Lateen does not have; a case may leave them empty."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and what is asked of it."""

    name: str
    request: Request
    expect: Mapping[str, Any]
    route_is_open: bool = False
    """The case does not say which route is taken, nor whether there is one."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One case."""

    name: str
    domain: str
    proxy: Proxy
    changes: tuple[Change, ...]
    calls: tuple[Call, ...]
    unsupported: str = ""
    """Why Lateen cannot be asked yet; empty: it can."""


def read_scenario(path: Path, case: Mapping[str, Any], intake: Intake) -> Scenario:
    """Read one case; `path` is where it lies, because it may refer to files beside it."""
    texts = [case.get("config_yaml") or "", case.get("kubernetes_yaml") or ""]
    texts += [(path.parent / name).read_text() for name in case.get("fixtures") or ()]
    objects = read_objects(texts, intake)
    reasons = [*objects.unsupported, *_unsupported(case)]
    proxy = _proxy(case["proxy"])
    given = [] if reasons else [_service_entry(service) for service in case.get("registry_services") or ()]
    addresses = frozenset(case["proxy"].get("ip_addresses") or ())
    given += [_selecting_service(each, proxy) for each in objects.changes if _reaches(each, addresses)]
    registry = read_objects([json.dumps(raw) for raw in given], intake)
    return Scenario(
        name=path.stem,
        domain=case.get("domain_suffix") or "",
        proxy=proxy,
        changes=(*objects.changes, *registry.changes),
        calls=tuple(_call(call) for call in case.get("calls") or ()),
        unsupported=", ".join(reasons),
    )


def _unsupported(case: Mapping[str, Any]) -> Iterator[str]:
    if case["proxy"]["type"] != "router":
        yield f"a proxy of type {case['proxy']['type']}"
    for name in _SETTINGS:
        if case.get(name):
            yield f"{name} {json.dumps(case[name])}"
    if case.get("registry_instances"):
        yield "instances that are given in Go"
    for service in case.get("registry_services") or ():
        if service.get("resolution") not in _RESOLUTIONS:
            yield f"a service of resolution {service.get('resolution')} that is given in Go"


def _service_entry(service: Mapping[str, Any]) -> RawObject:
    """Say as an object what the case says of a service of the registry."""
    namespace = service.get("namespace") or "default"
    spec = {
        "hosts": [service["hostname"]],
        "addresses": [service["address"]] if service.get("address") else [],
        "ports": [
            {"number": port["port"], "name": port["name"], "protocol": port["protocol"]} for port in service["ports"]
        ],
        "resolution": _RESOLUTIONS[service["resolution"]],
        "location": "MESH_EXTERNAL" if service.get("mesh_external") else "MESH_INTERNAL",
        "exportTo": service.get("export_to") or [],
        "endpoints": service.get("endpoints") or [],
    }
    metadata = {"name": service["hostname"], "namespace": namespace, "labels": service.get("labels") or {}}
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": metadata, "spec": spec}


def _reaches(change: Change, addresses: frozenset[str]) -> bool:
    """Whether this is a ServiceEntry that has the proxy itself for an endpoint."""
    spec = (change.raw or {}).get("spec") or {}
    endpoints = (spec.get("endpoints") or ()) if change.key.kind is Kind.SERVICE_ENTRY else ()
    return any(endpoint.get("address") in addresses for endpoint in endpoints)


def _selecting_service(change: Change, proxy: Proxy) -> RawObject:
    """Say as a Service with a selector which service leads to the proxy.

    The cases say it by the proxy's address in a ServiceEntry; Lateen knows proxies by their labels.
    """
    raw: Any = change.raw
    metadata = {**raw["metadata"], "namespace": proxy.namespace}
    ports = [
        {"name": port["name"], "port": port["number"], "targetPort": port.get("targetPort", port["number"])}
        for port in raw["spec"]["ports"]
    ]
    spec = {"selector": dict(proxy.labels), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _proxy(given: Mapping[str, Any]) -> Proxy:
    """The proxy runs where its metadata says; that is what visibility goes by."""
    namespace = given.get("metadata_namespace") or given["namespace"]
    return Proxy(ProxyId(namespace, "proxy"), given.get("labels") or {}, namespace)


def _call(call: Mapping[str, Any]) -> Call:
    request = Request(
        port=call["port"],
        host=call["host_header"],
        path=call["path"],
        address=call["address"],
        protocol=call["protocol"],
        security=Security(call["tls"]),
        sni=call["sni"],
        alpn=call["alpn"],
    )
    return Call(call["name"], request, call["expect"], bool(call.get("route_not_decided")))
