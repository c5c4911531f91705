"""Getting started in a cluster, followed word for word after the README; it ends with an uninstallation."""

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.commands import ROOT
from tests.e2e.kubernetes import Namespace
from tests.e2e.readers import follow, install, steps

PAGE = "docs/kubernetes.md"


@pytest.fixture
def after_the_readme(doors: Doors) -> None:
    """What the README leaves behind."""
    install(doors)
    for path in ("kubernetes/services", "api-gateway/routing", "canary/subsets", "kubernetes/canary"):
        Namespace("default").kubectl("apply", "-f", str(ROOT / "examples" / f"{path}.yaml"))


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("after_the_readme")
def test_getting_started_does_what_it_says(doors: Doors, capfd: pytest.CaptureFixture[str]) -> None:
    for step in steps(PAGE, doors):
        with capfd.disabled():
            print(f"\n  $ {step.command}", end="", flush=True)  # noqa: T201 - progress, for whoever waits
        follow(step)
