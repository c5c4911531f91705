"""The groups `simulation…/`: requests that an interpreter of the compiled configuration decides."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.parity.matcher import Decision, Failure, decide
from tests.parity.scenario import Call, Scenario, read_scenario
from tests.parity.snapshot import decode
from tests.parity.verdict import Judgement, Verdict, unjudgeable

from lateen.compile.compiler import compile as compile_objects
from lateen.compile.settings import CompileSettings
from lateen.validation.intake import Intake

GROUPS: Final = ("simulation", "simulation-derived", "simulation-mesh")

_BLACKHOLE: Final = "blackhole:"
"""The reference's name of the virtual host that stands where there would be none."""


def judge_simulation(folder: Path) -> Iterator[Judgement]:
    """Compile every case of a folder and decide its calls."""
    intake = Intake()
    for path in sorted(folder.glob("*.json")):
        if path.name != "index.json":
            yield from _judge_file(folder.name, path, intake)


def _judge_file(group: str, path: Path, intake: Intake) -> list[Judgement]:
    try:
        return list(_judge(group, read_scenario(path, json.loads(path.read_text()), intake), intake))
    except Exception as error:  # noqa: BLE001 - one case must not hide the others
        return [unjudgeable(group, "cases", path.stem, error)]


def _judge(group: str, scenario: Scenario, intake: Intake) -> Iterator[Judgement]:
    if not scenario.calls:
        reason = scenario.unsupported or "a case without calls"
        yield Judgement(group, "virtual hosts", scenario.name, Verdict.UNSUPPORTED, reason=reason)
        return
    if scenario.unsupported:
        for call in scenario.calls:
            yield Judgement(
                group,
                outcome(call.expect),
                f"{scenario.name}#{call.name}",
                Verdict.UNSUPPORTED,
                dict(call.expect),
                reason=scenario.unsupported,
            )
        return
    settings = CompileSettings(domain=scenario.domain, proxies=(scenario.proxy,))
    compiler, compiled = compile_objects(scenario.changes, settings, intake)
    snapshot = decode(compiler.resources(scenario.proxy.id).values())
    refused = [
        f"refused {key}: {finding.message}" for key in compiled.refused for finding in compiled.findings.get(key, ())
    ]
    for call in scenario.calls:
        decision = decide(snapshot, call.request)
        wrong = compare(call, decision)
        yield Judgement(
            group,
            outcome(call.expect),
            f"{scenario.name}#{call.name}",
            Verdict.FAILED if wrong else Verdict.PASSED,
            dict(call.expect),
            describe(decision),
            "; ".join([*wrong, *refused]) if wrong else "",
        )


def outcome(expect: Mapping[str, Any]) -> str:
    """The kind under which a call is counted: what the case asks for."""
    return expect.get("error") or "forwarded"


def describe(decision: Decision) -> dict[str, str]:
    """What was decided, in the words of the cases."""
    got = {
        "error": str(decision.failure or ""),
        "listener": decision.listener,
        "route_config": decision.route_config,
        "virtual_host": decision.virtual_host,
        "route": decision.route,
        "cluster": decision.cluster,
    }
    if decision.failure is Failure.NO_VIRTUAL_HOST and decision.chain_is_empty:
        # The reference answers 404 from a virtual host of its own, Lateen from having none.
        got |= {"error": str(Failure.NO_ROUTE), "virtual_host": _BLACKHOLE}
    return got


def compare(call: Call, decision: Decision) -> list[str]:
    """What differs between what is asked for and what was decided; keys that are missing are not asked for.

    Filter chains have names of their own in every implementation, and are left out.
    """
    got = describe(decision)
    wrong = []
    for name, value in got.items():
        wanted = call.expect.get("error") or "" if name == "error" else call.expect.get(name)
        if wanted is None or wanted == value:
            continue
        if name == "error" and call.route_is_open and not wanted and value == Failure.NO_ROUTE:
            continue
        if name == "virtual_host" and _is_same_host(wanted, value, decision):
            continue
        wrong.append(f"{name}: expected {wanted!r}, got {value!r}")
    return wrong


def _is_same_host(wanted: str, got: str, decision: Decision) -> bool:
    """Whether a virtual host of another name is the same one.

    The reference gathers hosts with the same routes in one virtual host, named after one of them.
    """
    return wanted in decision.alike or (got == _BLACKHOLE and wanted.startswith(_BLACKHOLE))
