"""`lateen wait` at a real API server, where the test says what an operator would."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane

from lateen.cli.main import cli
from lateen.crds.resources import GROUP

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

ROUTES: Final[dict[str, Any]] = {
    "apiVersion": f"{GROUP}/v1",
    "kind": "VirtualService",
    "metadata": {"name": "waited-for"},
    "spec": {
        "hosts": ["shop.example.com"],
        "gateways": ["edge"],
        "http": [{"route": [{"destination": {"host": "cart"}}]}],
    },
}


def status(generation: int, *, accepted: str = "True", programmed: str = "True", message: str = "m") -> dict[str, Any]:
    answers = {"Accepted": accepted, "Programmed": programmed}
    conditions = [
        {"type": name, "status": answer, "reason": "Why", "message": message, "observedGeneration": generation}
        for name, answer in answers.items()
    ]
    return {"observedGeneration": generation, "conditions": conditions}


@pytest.fixture
def generation(api: ApiClient) -> Iterator[int]:
    """Make the object, and give its generation."""
    yield api.apply(ROUTES)["metadata"]["generation"]
    api.delete(ROUTES)


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path) -> str:
    return str(control_plane.kubeconfig(tmp_path, namespace="default"))


def wait(kubeconfig: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["wait", "--kubeconfig", kubeconfig, *(arguments or ("vs/waited-for",))])


def test_it_waits_for_the_generation_that_stands_there(api: ApiClient, generation: int, kubeconfig: str) -> None:
    api.patch_status(ROUTES, status(generation))
    changed = {**ROUTES, "spec": {**ROUTES["spec"], "hosts": ["other.example.com"]}}
    newer = api.apply(changed)["metadata"]["generation"]
    assert newer > generation
    assert wait(kubeconfig, "vs/waited-for", "--timeout", "0").stderr == (
        "VirtualService default/waited-for is not Programmed: nobody has said anything about its current content yet\n"
    )
    results: list[Result] = []
    waiting = threading.Thread(target=lambda: results.append(wait(kubeconfig)))
    waiting.start()
    for answer in ("False", "True"):
        api.patch_status(ROUTES, status(newer, programmed=answer))
    waiting.join()
    assert (results[0].exit_code, results[0].stdout) == (
        0,
        "VirtualService default/waited-for: Programmed is True (Why): m\n",
    )


def test_what_is_refused_ends_it_at_once(api: ApiClient, generation: int, kubeconfig: str) -> None:
    api.patch_status(ROUTES, status(generation, accepted="False", message="spec.hosts: why"))
    result = wait(kubeconfig)
    assert result.exit_code == 1
    assert result.stderr == ("VirtualService default/waited-for is refused: Accepted is False (Why): spec.hosts: why\n")


def test_what_is_deleted_meanwhile_ends_it(api: ApiClient, generation: int, kubeconfig: str) -> None:
    results: list[Result] = []
    waiting = threading.Thread(target=lambda: results.append(wait(kubeconfig)))
    waiting.start()
    api.delete(ROUTES)
    waiting.join()
    assert results[0].stderr == "VirtualService default/waited-for: it does not exist\n"


def test_only_kinds_with_conditions_can_be_waited_for(kubeconfig: str, api: ApiClient) -> None:
    result = wait(kubeconfig, "service/kubernetes")
    assert result.exit_code == 1
    assert result.stderr.startswith("lateen: nobody says of a Service whether it is live; Gateway, VirtualService")


def test_who_is_not_known_is_told_so(tmp_path: Path, api: ApiClient, control_plane: ControlPlane) -> None:
    file = control_plane.kubeconfig(tmp_path)
    file.write_text(file.read_text().replace(control_plane.token(), "unknown"))
    assert wait(str(file)).stderr == "lateen: the cluster does not know who asks: Unauthorized\n"


def test_a_cluster_that_does_not_answer_is_reported(control_plane: ControlPlane, tmp_path: Path) -> None:
    file = control_plane.kubeconfig(tmp_path, server="https://127.0.0.1:1")
    result = wait(str(file))
    assert result.exit_code == 1
    assert result.stderr.startswith("lateen: the cluster does not answer: Cannot connect to host 127.0.0.1:1")


def test_a_file_without_a_cluster_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("{}")
    assert wait(str(file)).stderr.startswith("lateen: no way to a cluster: ")
