"""A real API server takes the definitions, and objects as people write them."""

import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.apiserver.client import ApiClient, RefusedError
from tests.apiserver.control_plane import ADMIN, ControlPlane, assets

from lateen.crds.definitions import definitions
from lateen.crds.resources import GROUP, RESOURCES, VERSIONS

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

_ROOT: Final = Path(__file__).parents[3]
ROUTES: Final[dict[str, Any]] = {
    "apiVersion": f"{GROUP}/v1",
    "kind": "VirtualService",
    "metadata": {"name": "routes"},
    "spec": {
        "hosts": ["shop.example.com"],
        "gateways": ["edge"],
        "http": [{"route": [{"destination": {"host": "cart"}}]}],
    },
}


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def is_for_clusters(path: Path) -> bool:
    """Services of examples stand in files of their own: they lead to this machine."""
    return all(document.get("apiVersion", "").startswith(f"{GROUP}/") for document in documents(path))


EXAMPLES: Final = [path for path in sorted((_ROOT / "examples").rglob("*.yaml")) if is_for_clusters(path)]


@pytest.mark.parametrize("definition", definitions().values(), ids=definitions())
def test_a_definition_is_accepted_without_reserve(api: ApiClient, definition: dict[str, Any]) -> None:
    conditions = api.get(definition)["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions} == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_examples_apply_in_every_version(api: ApiClient, path: Path, version: str) -> None:
    for document in documents(path):
        api.apply({**document, "apiVersion": f"{GROUP}/{version}"}, dry_run=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_written_comes_back_in_every_version(api: ApiClient, path: Path) -> None:
    for document in documents(path):
        api.apply(document)
        assert [api.get(document, version=version)["spec"] for version in VERSIONS] == [document["spec"]] * 3
        api.delete(document)


def test_a_field_that_nobody_knows_is_refused(api: ApiClient) -> None:
    with pytest.raises(RefusedError, match=r'unknown field "\.spec\.gatewys"|\.spec\.gatewys: field not declared'):
        api.apply({**ROUTES, "spec": {**ROUTES["spec"], "gatewys": []}})


def test_what_others_say_in_the_status_stays(api: ApiClient) -> None:
    """The reference writes its generation as text, and fields that Lateen has not."""
    api.apply(ROUTES)
    condition = {"type": "Reconciled", "status": "False", "lastProbeTime": "2026-01-01T00:00:00Z"}
    said = {
        "conditions": [condition],
        "observedGeneration": "1",
        "validationMessages": [{"type": {"name": "ReferencedResourceNotFound", "code": "IST0101"}, "level": "ERROR"}],
    }
    assert api.patch_status(ROUTES, said)["status"] == said
    api.delete(ROUTES)


def test_a_listing_shows_hosts_gateways_and_whether_proxies_have_it(api: ApiClient) -> None:
    api.apply(ROUTES)
    api.patch_status(ROUTES, {"conditions": [{"type": "Programmed", "status": "True"}], "observedGeneration": 1})
    shown = api.table(ROUTES)
    api.delete(ROUTES)
    assert (shown["Name"], shown["Gateways"], shown["Hosts"], shown["Programmed"]) == (
        "routes",
        '["edge"]',
        '["shop.example.com"]',
        "True",
    )


def test_short_names_lead_to_the_kinds(api: ApiClient) -> None:
    resources = api.http.get(f"/apis/{GROUP}/v1").json()["resources"]
    names = {each["kind"]: each.get("shortNames", []) for each in resources if "/" not in each["name"]}
    assert names == {str(resource.kind): [*resource.short_names] for resource in RESOURCES}


def kubectl(control_plane: ControlPlane, home: Path, *arguments: str) -> str:
    """Run kubectl as people do; standard output and error together."""
    binaries = assets()
    assert binaries is not None
    program = binaries / "kubectl"
    if not program.exists():
        pytest.skip(f"{program.parent} holds no kubectl")
    options = [
        f"--server={control_plane.url}",
        f"--certificate-authority={control_plane.certificate}",
        f"--token={control_plane.token(ADMIN)}",
    ]
    environment = {**os.environ, "HOME": str(home), "KUBECONFIG": os.devnull}
    done = subprocess.run(  # noqa: S603 - named by the user
        [str(program), *options, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_kubectl_applies_definitions_and_examples_as_they_lie_there(
    api: ApiClient, control_plane: ControlPlane, tmp_path: Path
) -> None:
    for path in (_ROOT / "crds", *EXAMPLES):
        kubectl(control_plane, tmp_path, "apply", "--validate=strict", "--dry-run=server", "-f", str(path))


def test_kubectl_explains_a_field(api: ApiClient, control_plane: ControlPlane, tmp_path: Path) -> None:
    printed = kubectl(control_plane, tmp_path, "explain", "vs.spec.http.timeout")
    assert "Time limit of a whole request, retries included" in printed
