"""`python -m tests.e2e [ARGUMENTS OF PYTEST…]`: the end-to-end test on a real cluster; `make e2e`.

Without `$KUBECONFIG` it makes a cluster by kind and deletes it in the end, unless `$KEEP` is set. With it, that
cluster is used: if it is one of kind, the images are built and loaded; any other has to know them already.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.e2e.cluster import Doors, find_doors, is_kind, missing_tools, write_config
from tests.e2e.commands import ROOT

OUTPUT: Final = ROOT / "out" / "e2e"
CLUSTER: Final = os.environ.get("E2E_CLUSTER", "lateen-e2e")
"""Its name; runs at the same time need different ones."""
ORDER: Final = (
    "readme",
    "routing",
    "limits",
    "tls",
    "churn",
    "operator",
    "proxies",
    "status",
    "command_line",
    "figures",
    "upgrade",
    "documents",
    "uninstallation",
)
"""What is tested first to last: the last ones change the installation itself."""


def main(arguments: list[str]) -> int:
    """Prepare a cluster, run the tests, clean up; the result is the exit status."""
    missing = missing_tools()
    if missing:
        sys.stderr.write(f"The end-to-end test needs {', '.join(missing)}.\n")
        return 2
    OUTPUT.mkdir(parents=True, exist_ok=True)
    own = not os.environ.get("KUBECONFIG")
    try:
        if own:
            os.environ["KUBECONFIG"] = str(OUTPUT / "kubeconfig")
            _step("make a cluster, build the images, load them", lambda: _make_cluster(CLUSTER))
        elif is_kind():
            name = _output("kubectl", "config", "current-context").removeprefix("kind-")
            _step("build the images, load them", lambda: _call("make", "load", f"CLUSTER={name}"))
        doors = Doors.from_environment() or find_doors()
        failed = _step(f"test, through {doors.http} and {doors.https}", lambda: _test(doors, arguments))
    finally:
        if own:
            _leave()
    if failed:
        sys.stdout.write(f"What was found where something failed: {OUTPUT}\n")
    return failed


def _make_cluster(name: str) -> None:
    subprocess.run(["kind", "delete", "cluster", "--name", name], check=True)  # noqa: S603, S607 - that of a run before
    _call("make", "cluster", f"CLUSTER={name}", f"KIND_CONFIG={write_config(OUTPUT)}")


def _test(doors: Doors, arguments: list[str]) -> int:
    files = [str(Path("tests") / "e2e" / f"test_{name}.py") for name in ORDER]
    options = ["-p", "no:randomly", "-v", "--timeout=300", "--durations=10", f"--junit-xml={OUTPUT / 'results.xml'}"]
    command = [sys.executable, "-m", "pytest", *options, *arguments, *files]
    return subprocess.run(command, cwd=ROOT, env=os.environ | doors.as_environment(), check=False).returncode  # noqa: S603 - our own


def _leave() -> None:
    if os.environ.get("KEEP"):
        sys.stdout.write(
            f"The cluster {CLUSTER} is left running: export KUBECONFIG={os.environ['KUBECONFIG']}\n"
            f"Delete it by: kind delete cluster --name {CLUSTER}\n"
        )
    else:
        _call("kind", "delete", "cluster", "--name", CLUSTER)


def _step(name: str, do: Callable[[], int | None]) -> int:
    sys.stdout.write(f"\n=== {name}\n")
    sys.stdout.flush()
    begun = time.monotonic()
    status = do() or 0
    sys.stdout.write(f"=== {name}: {'failed' if status else 'done'} after {time.monotonic() - begun:.0f} s\n")
    sys.stdout.flush()
    return status


def _call(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - commands of our own


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603 - the same


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
