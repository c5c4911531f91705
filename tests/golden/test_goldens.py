"""What Lateen makes of each feature is what is written down; `make golden` writes it anew, to be read as a diff."""

from base64 import b64decode
from pathlib import Path

import pytest
import yaml
from tests.golden.golden import FOLDER, INPUT, compile_golden, names
from tests.golden.inlining import add_to_bootstrap
from tests.integration.envoy.static_envoy import StaticEnvoy


@pytest.mark.parametrize("name", names())
def test_a_feature_compiles_to_what_is_written_down(name: str, *, rewrite_goldens: bool) -> None:
    for path, text in compile_golden(name).files():
        if rewrite_goldens:
            path.write_text(text)
        assert path.read_text().splitlines() == text.splitlines(), f"{path} differs; see `make golden`"


def test_every_golden_has_an_input_and_nothing_that_is_not_compared(*, rewrite_goldens: bool) -> None:
    if rewrite_goldens:  # a new one has its input only, until its own test has run
        return
    known = {INPUT, "envoy.yaml", "findings.txt"}
    others = {"__pycache__", "proxies"}  # the latter has goldens of another kind
    folders = [path for path in FOLDER.iterdir() if path.is_dir() and path.name not in others]
    assert {folder.name: {path.name for path in folder.iterdir()} ^ known for folder in folders} == {
        name: set() for name in names()
    }


@pytest.mark.envoy
def test_envoy_accepts_every_golden(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    proxy = StaticEnvoy(tmp_path)
    for name in names():
        for owner, resources in compile_golden(name).resources.items():
            add_to_bootstrap(proxy, f"{name}/{owner.name}", resources, tmp_path)
    proxy.assert_accepted()


def write_certificates(directory: Path) -> None:
    """Write the files that DestinationRules name, with what Gateways of other goldens are given as Secrets."""
    documents = yaml.safe_load_all((FOLDER / "server-tls" / INPUT).read_text())
    secrets = {each["metadata"]["name"]: each["data"] for each in documents if each["kind"] == "Secret"}
    for file, secret, key in (
        ("client.pem", "shop-cert", "tls.crt"),
        ("client.key", "shop-cert", "tls.key"),
        ("ca.pem", "partner-cert-cacert", "cacert"),
        ("ca-certificates.crt", "partner-cert-cacert", "cacert"),
    ):
        (directory / file).write_bytes(b64decode(secrets[secret][key]))
