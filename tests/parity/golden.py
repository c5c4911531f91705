"""The group `golden/`: what the reference makes of objects, compared by meaning.

Objects of these cases never passed the reference's own checks; where Lateen refuses one, the
case is not judged.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.json_format import MessageToDict, ParseError
from tests.parity import probes
from tests.parity.meaning import (
    cluster_meaning,
    differences,
    endpoint_meaning,
    listener_meaning,
    route_meaning,
    server_tls_meaning,
)
from tests.parity.scenario import Scenario, read_scenario
from tests.parity.snapshot import Snapshot, decode
from tests.parity.verdict import Judgement, Verdict, unjudgeable

from lateen.compile.compiler import compile as compile_objects
from lateen.compile.settings import CompileSettings
from lateen.envoy.names import parse_scoped_route_name
from lateen.ir.resource import ResourceType
from lateen.validation.intake import Intake

GROUP: Final = "golden"
_SIDECAR: Final = "sidecar"
_SHOWN: Final = 8
"""Differences of a case that are written down."""

_MESSAGES: Final[Mapping[ResourceType, Any]] = {
    ResourceType.CLUSTER: Cluster,
    ResourceType.ENDPOINTS: ClusterLoadAssignment,
}

Case: TypeAlias = Mapping[str, Any]
Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What Lateen makes of a case."""

    snapshot: Snapshot
    clusters: Mapping[str, Json]
    endpoints: Mapping[str, Json]
    refused: tuple[str, ...]
    """Objects that the door refused, and why."""


Judge: TypeAlias = Callable[[Case, _Compiled], Iterable[str]]
"""Yields each difference."""


def judge_golden(folder: Path) -> Iterator[Judgement]:
    """Compile every case and compare with the reference's output."""
    intake = Intake()
    for name, (prepare, judge) in _JUDGES.items():
        for path in sorted((folder / name).glob("*.json")):
            case = f"{name}/{path.stem}"
            try:
                yield _judge(folder, case, prepare(json.loads(path.read_text())), judge, intake)
            except Exception as error:  # noqa: BLE001 - one case must not hide the others
                yield unjudgeable(GROUP, name, case, error)
    for path in sorted((folder / _SIDECAR).glob("*.json")):
        yield Judgement(GROUP, _SIDECAR, f"{_SIDECAR}/{path.stem}", Verdict.UNSUPPORTED, reason="a sidecar")


def _judge(folder: Path, name: str, case: Case, judge: Judge, intake: Intake) -> Judgement:
    kind = name.partition("/")[0]
    scenario = read_scenario(folder / "case.json", {**case, "calls": []}, intake)
    reason = case.get("unsupported") or scenario.unsupported
    if reason:
        return Judgement(GROUP, kind, name, Verdict.UNSUPPORTED, reason=reason)
    compiled = _compile(scenario, case, intake)
    if compiled.refused:
        return Judgement(GROUP, kind, name, Verdict.UNSUPPORTED, reason="; ".join(compiled.refused))
    try:
        wrong = list(judge(case, compiled))
    except ParseError as error:
        return Judgement(GROUP, kind, name, Verdict.UNSUPPORTED, reason=f"an extension of the reference: {error}")
    more = [f"… and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
    verdict = Verdict.FAILED if wrong else Verdict.PASSED
    return Judgement(GROUP, kind, name, verdict, reason="; ".join([*wrong[:_SHOWN], *more]))


def _compile(scenario: Scenario, case: Case, intake: Intake) -> _Compiled:
    seconds = case.get("connect_timeout", "10s").removesuffix("s")
    settings = CompileSettings(domain=scenario.domain, proxies=(scenario.proxy,), connect_timeout=float(seconds))
    compiler, outcome = compile_objects(scenario.changes, settings, intake)
    resources = compiler.resources(scenario.proxy.id)
    by_type: dict[ResourceType, dict[str, Json]] = {type_: {} for type_ in _MESSAGES}
    for key, resource in resources.items():
        if key.type in _MESSAGES:
            by_type[key.type][key.name] = MessageToDict(_MESSAGES[key.type].FromString(resource.body))
    refused = [f"refused {key}: {each.message}" for key in outcome.refused for each in outcome.findings.get(key, ())]
    clusters, endpoints = by_type[ResourceType.CLUSTER], by_type[ResourceType.ENDPOINTS]
    return _Compiled(decode(resources.values()), clusters, endpoints, tuple(refused))


def _judge_gateway(case: Case, compiled: _Compiled) -> Iterator[str]:
    output = case["output"]
    yield from _compare_listeners(output["listeners"], compiled)
    yield from _compare_clusters(output["clusters"], compiled)
    yield from _compare_endpoints(output["endpoints"], compiled)
    for config in output["routes"]:
        yield from _compare_routes(config, compiled)


def _judge_route_config(case: Case, compiled: _Compiled) -> Iterator[str]:
    return _compare_routes(case["output"], compiled)


def _judge_rule(case: Case, compiled: _Compiled) -> Iterator[str]:
    host = {"name": "any", "domains": [probes.HOST], "routes": case["output"] or [], **probes.HOST_SETTINGS}
    config = {"name": f"http.{case['listen_port']}", "virtualHosts": [host], **probes.CONFIGURATION_SETTINGS}
    return _compare_routes(config, compiled)


def _judge_listeners(case: Case, compiled: _Compiled) -> Iterator[str]:
    return _compare_listeners(case["output"], compiled)


def _judge_tls(case: Case, compiled: _Compiled) -> Iterator[str]:
    [listener] = compiled.snapshot.listeners.values()
    [chain] = MessageToDict(listener)["filterChains"]
    wanted = server_tls_meaning({"typedConfig": case["output"]} if case["output"] else None)
    return differences(wanted, server_tls_meaning(chain.get("transportSocket")))


def _judge_clusters(case: Case, compiled: _Compiled) -> Iterator[str]:
    return _compare_clusters(case["output"], compiled)


def _compare_routes(expected: Json, compiled: _Compiled) -> Iterator[str]:
    chain = expected["name"]
    got: dict[str, Json] = {}
    for name, config in compiled.snapshot.routes.items():
        if (parse_scoped_route_name(name)[0] if "/" in name else name) == chain:
            got |= route_meaning(MessageToDict(config))
    return differences(route_meaning(expected), got, chain)


def _compare_listeners(expected: Iterable[Json], compiled: _Compiled) -> Iterator[str]:
    wanted = {listener["name"]: listener_meaning(listener) for listener in expected}
    got = {name: listener_meaning(MessageToDict(each)) for name, each in compiled.snapshot.listeners.items()}
    return differences(wanted, got)


def _compare_clusters(expected: Iterable[Json], compiled: _Compiled) -> Iterator[str]:
    """Compare the clusters of services; the reference has others too, which no route of a user names."""
    wanted = {each["name"]: cluster_meaning(each) for each in expected if each["name"].startswith("outbound|")}
    got = {name: cluster_meaning(each) for name, each in compiled.clusters.items()}
    return differences(wanted, {name: got[name] for name in wanted if name in got})


def _compare_endpoints(expected: Iterable[Json], compiled: _Compiled) -> Iterator[str]:
    wanted = {each["clusterName"]: endpoint_meaning(each) for each in expected}
    got = {name: endpoint_meaning(each) for name, each in compiled.endpoints.items() if name in wanted}
    return differences({name: each for name, each in wanted.items() if each}, {n: e for n, e in got.items() if e})


_JUDGES: Final[Mapping[str, tuple[Callable[[Case], Case], Judge]]] = {
    "gateway": (probes.without_providers, _judge_gateway),
    "gateway-route-config": (probes.without_providers, _judge_route_config),
    "gateway-listeners": (probes.without_providers, _judge_listeners),
    "gateway-tls-context": (probes.complete_server, _judge_tls),
    "routes-of-virtualservice": (probes.open_gateway, _judge_rule),
    "clusters": (probes.route_to_clusters, _judge_clusters),
}
