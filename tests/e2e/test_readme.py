"""The README's part about clusters, followed word for word on a cluster that has nothing yet."""

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.readers import follow, steps


@pytest.mark.timeout(600)
def test_the_readme_does_what_it_says(doors: Doors, capfd: pytest.CaptureFixture[str]) -> None:
    for step in steps("README.md", doors):
        with capfd.disabled():
            print(f"\n  $ {step.command}", end="", flush=True)  # noqa: T201 - progress, for whoever waits
        follow(step)
