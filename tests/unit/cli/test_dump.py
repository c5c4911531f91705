"""`lateen dump` from files."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.unit.runtime.stage import CART, GATEWAY, ROUTES

from lateen.certificates.authority import create_authority
from lateen.cli.main import cli


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a small shop, in a directory where no instance runs."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    file = tmp_path / "shop.yaml"
    file.write_text(f"{GATEWAY}---{ROUTES}---{CART}")
    return str(file)


def dump(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["dump", *arguments], input=stdin)


def test_yaml_has_a_document_for_each_resource_below_a_comment(shop: str) -> None:
    result = dump("all", shop)
    assert result.exit_code == 0
    documents = list(yaml.safe_load_all(result.output))
    assert [each.get("name", each.get("clusterName")) for each in documents] == [
        "127.0.0.1_10080",
        "http.10080|shop.example.com",
        "http.10080/shop.example.com",
        "outbound|8080||cart.default.svc.cluster.local",
        "outbound|8080||cart.default.svc.cluster.local",
    ]
    assert "# routes of proxy shared/app=edge, version " in result.output
    assert "# from VirtualService/default/shop\n" in result.output


def test_json_is_one_list(shop: str) -> None:
    found = json.loads(dump("clusters", "-o", "json", shop).output)
    assert [list(each) for each in found] == [
        ["proxy", "type", "name", "version", "state", "origins", "resource", "proxies"],
    ]
    assert found[0]["resource"]["name"] == "outbound|8080||cart.default.svc.cluster.local"


def test_the_same_files_give_the_same_output(shop: str) -> None:
    assert dump("all", shop).output == dump("all", shop).output


def test_options_of_up_apply(shop: str) -> None:
    found = json.loads(dump("listeners", "-o", "json", "--port-shift", "0", "--mesh-port", "9090", shop).output)
    assert [each["name"] for each in found] == ["127.0.0.1_80", "127.0.0.1_9090"]
    only = json.loads(dump("listeners", "-o", "json", "--mesh-port", "9090", "--proxy", "mesh", shop).output)
    assert [each["name"] for each in only] == ["127.0.0.1_9090"]


def test_names_are_patterns(shop: str) -> None:
    assert json.loads(dump("all", "-o", "json", "--name", "http*", shop).output)[0]["type"] == "scopes"


@pytest.mark.parametrize("what", ["all", "secrets"])
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_private_keys_are_never_shown(what: str, form: str) -> None:
    pair = create_authority(1_800_000_000.0, 86_400.0)
    data = {"tls.crt": pair.certificate.pem, "tls.key": pair.key}
    encoded = {name: b64encode(content).decode() for name, content in data.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shop-tls"}, "data": encoded}
    gateway = GATEWAY.replace("number: 80, name: http, protocol: HTTP", "number: 443, name: tls, protocol: HTTPS")
    secured = gateway + "      tls: {mode: SIMPLE, credentialName: shop-tls}\n"
    result = dump(what, "-", "-o", form, stdin=f"{secured}---\n{json.dumps(secret)}\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert encoded["tls.crt"] in result.output
    assert "[redacted]" in result.output
    assert "PRIVATE KEY" not in result.output
    for line in pair.key.decode().splitlines()[1:-1]:
        assert line not in result.output
    assert encoded["tls.key"] not in result.output


def test_what_is_wrong_with_files_goes_to_standard_error() -> None:
    result = dump("clusters", "-", stdin=f"{GATEWAY}---{ROUTES}")
    assert result.exit_code == 0
    assert "[LAT0303]" in result.stderr
    assert "LAT0303" not in result.stdout


def test_without_files_and_without_an_instance_it_says_so(shop: str) -> None:
    result = dump("routes")
    assert result.exit_code == 1
    assert result.stderr == ("lateen: no instance named 'default' is running; start one with `lateen up DIR`\n")
