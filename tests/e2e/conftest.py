"""A cluster with Lateen, services, and a Gateway; what is found at a failure is kept."""

import re
import shutil
import subprocess
from collections.abc import Generator
from typing import Any

import pytest
from tests.e2e import scene
from tests.e2e.cluster import Doors
from tests.e2e.commands import ROOT, run
from tests.e2e.evidence import collect
from tests.e2e.kubernetes import OPERATOR, Namespace
from tests.e2e.readers import install

_EVIDENCE = ROOT / "out" / "e2e"
_ENOUGH = 5
"""Failures of which evidence is collected."""


@pytest.fixture(scope="session")
def doors() -> Doors:
    """Where proxies are reached."""
    found = Doors.from_environment()
    assert found is not None, "there is no cluster: `make e2e` makes one and runs these tests"
    return found


@pytest.fixture(scope="session")
def installed(doors: Doors) -> Namespace:
    """Lateen, installed as the README says; the operator's namespace."""
    install(doors)
    return Namespace(OPERATOR)


@pytest.fixture(scope="session")
def shop(installed: Namespace) -> Namespace:
    """Services: `web` in two versions, and a Gateway that leads to what a test routes."""
    shop = scene.SHOP
    run("bash", "-c", f"kubectl create namespace {shop.name} --dry-run=client -o yaml | kubectl apply -f -")
    scene.EDGE.apply(scene.GATEWAY)
    shop.apply(
        scene.server(),
        scene.service("web"),
        scene.deployment("web-v1", "web", version="v1", replicas=2),
        scene.deployment("web-v2", "web", version="v2", replicas=2),
        scene.rule("web", "web", subsets=("v1", "v2")),
    )
    for name in ("web-v1", "web-v2"):
        shop.rolled_out(name)
    scene.EDGE.programmed("gateway/edge")
    scene.EDGE.rolled_out(scene.PROXIES)
    return shop


def pytest_sessionstart() -> None:
    """Forget the failures of the run before."""
    for folder in _EVIDENCE.glob("failure-*"):
        shutil.rmtree(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what can be found where a test failed."""
    report = yield
    if report.failed and sum(1 for _ in _EVIDENCE.glob("failure-*")) < _ENOUGH:
        try:
            collect(_EVIDENCE / ("failure-" + re.sub(r"[^\w.-]", "_", item.name)))
        except (OSError, subprocess.SubprocessError) as error:
            report.sections.append(("evidence", f"could not be collected: {error}"))
    return report
