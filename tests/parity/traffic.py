"""The group `traffic/`: requests through a real Envoy to backends that echo them.

Each service of the cases has a loopback address of its own with the ports that its pods have, so
that endpoints differ from the cases in the first octets of their addresses only.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.integration.traffic.backend import Backend
from tests.integration.traffic.edge import Edge, running_edge
from tests.parity.documents import Objects, read_objects
from tests.parity.exchange import Exchange, differences_of, exchange, is_statistical, unjudged
from tests.parity.verdict import Judgement, Verdict, unjudgeable
from tests.ports import free_port

from lateen.errors import LateenError
from lateen.model.objects import Change
from lateen.validation.intake import Intake

GROUP: Final = "traffic"
_PODS: Final = "10.1.0."
_SPOKEN: Final = frozenset({"HTTP", "GRPC"})
_ATTEMPTS: Final = 4
"""Of calls whose outcome is a share: chance may take the first beyond the bounds."""

Case = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Town:
    """The services of all cases."""

    loopback: str
    """First octets of the addresses that stand for those of pods."""
    backends: Mapping[str, Sequence[Backend]]
    """By name of the service."""

    def rewrite(self, text: str) -> str:
        """Put the addresses of this machine in place of those of pods."""
        return text.replace(_PODS, self.loopback)


def judge_traffic(folder: Path) -> Iterator[Judgement]:
    """Run every case that a gateway can serve. Without an Envoy on this machine, none is judged."""
    try:
        yield from asyncio.run(_judge_all(_read_fixtures(folder), _read_cases(folder)))
    except LateenError as error:
        yield Judgement(GROUP, "all cases", "envoy", Verdict.UNSUPPORTED, reason=str(error))


def _read_fixtures(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """The objects of the services, and what their pods listen on."""
    fixtures = folder / "fixtures"
    return (fixtures / "services.yaml").read_text(), json.loads((fixtures / "apps.json").read_text())


def _read_cases(folder: Path) -> list[Case]:
    """Read every case, with the objects that it refers to."""
    cases = []
    for path in sorted(folder.glob("*/*.json")):
        if path.parent.name == "fixtures":
            continue
        case = json.loads(path.read_text())
        names = [name for name in case.get("fixtures") or () if name.endswith(".yaml")]
        missing = [name for name in case.get("fixtures") or () if name not in names]
        case["given"] = [(folder / name).read_text() for name in names]
        case["note"] = case.get("note") or ", ".join(missing)
        cases.append(case)
    return cases


async def _judge_all(fixtures: tuple[str, list[dict[str, Any]]], cases: Sequence[Case]) -> list[Judgement]:
    objects, apps = fixtures
    with tempfile.TemporaryDirectory(prefix="lateen-parity-") as directory:
        async with _town(apps) as town, running_edge(Path(directory)) as edge:
            await _apply(edge, [*read_objects([town.rewrite(objects)], Intake()).changes, *_standing_gateway()])
            for proxy in edge.proxies:
                await edge.runner.wait_ready(proxy)
            return [judgement for case in cases for judgement in await _judge(edge, town, case)]


@asynccontextmanager
async def _town(apps: Sequence[Mapping[str, Any]]) -> AsyncIterator[_Town]:
    """Start a backend for every port of every service that speaks HTTP in the clear."""
    loopback = f"127.{20 + os.getpid() % 200}.0."
    backends: dict[str, list[Backend]] = {}
    async with AsyncExitStack() as stack:
        for app in apps:
            for port in app["ports"]:
                if port["protocol"] in _SPOKEN and not port["tls"] and not port["localhost_ip"]:
                    backend = Backend(app["fqdn"].partition(".")[0])
                    await backend.listen(app["pod_ip"].replace(_PODS, loopback), port["workload_port"])
                    stack.push_async_callback(backend.stop)
                    backends.setdefault(backend.name, []).append(backend)
        yield _Town(loopback, backends)


def _standing_gateway() -> Sequence[Change]:
    """A Gateway for the proxy of the cases that never goes, so that neither does the proxy."""
    server = {"port": {"number": free_port(), "name": "standing", "protocol": "HTTP"}, "hosts": ["standing.test"]}
    metadata = {"name": "standing", "namespace": "istio-system", "creationTimestamp": "2000-01-01T00:00:00Z"}
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    raw = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata, "spec": spec}
    return read_objects([json.dumps(raw)], Intake()).changes


async def _apply(edge: Edge, changes: Sequence[Change]) -> None:
    await edge.apply(*(json.dumps(change.raw) for change in changes))


async def _judge(edge: Edge, town: _Town, case: Case) -> list[Judgement]:
    given: Case = case.get("gateway_variant") or case
    objects = read_objects(map(town.rewrite, [given["config_yaml"], *case["given"]]), Intake())
    reason = ", ".join(_unsupported(case, objects))
    calls = given["calls"]
    if reason:
        return [_judgement(case, index, Verdict.UNSUPPORTED, reason) for index, _ in enumerate(calls)]
    try:
        await _apply(edge, objects.changes)
        return [await _judge_call(edge, town, case, index, call) for index, call in enumerate(calls)]
    except AssertionError as error:
        return [_judgement(case, index, Verdict.FAILED, f"refused: {error}") for index, _ in enumerate(calls)]
    except Exception as error:  # noqa: BLE001 - one case must not hide the others
        return [unjudgeable(GROUP, case["group"], f"{case['group']}/{case['name']}", error)]
    finally:
        own = read_objects([given["config_yaml"]], Intake())
        await edge.remove(*(change.key for change in own.changes))


def _unsupported(case: Case, objects: Objects) -> Iterator[str]:
    if case["applies_to"] != "gateway" and not case.get("gateway_variant"):
        yield f"a proxy for {case['applies_to']}"
    for name in ("mesh_config", "note", "upstream_skip"):
        if case.get(name):
            yield f"{name} {json.dumps(case[name])}"
    yield from objects.unsupported


async def _judge_call(edge: Edge, town: _Town, case: Case, index: int, call: Mapping[str, Any]) -> Judgement:
    reason = ", ".join(unjudged(call))
    if reason:
        return _judgement(case, index, Verdict.UNSUPPORTED, reason)
    wrong: list[str] = []
    for _ in range(_ATTEMPTS if is_statistical(call["expect"]) else 1):
        happened: Exchange = await exchange(edge.http_port, call, town.backends)
        wrong = differences_of(call["expect"], happened)
        if not wrong:
            return _judgement(case, index, Verdict.PASSED, "", call["expect"])
    return _judgement(case, index, Verdict.FAILED, "; ".join(dict.fromkeys(wrong)), call["expect"])


def _judgement(case: Case, index: int, verdict: Verdict, reason: str, expected: object = None) -> Judgement:
    name = f"{case['group']}/{case['name']}#{index}"
    return Judgement(GROUP, case["group"], name, verdict, expected, reason=reason)
