"""When certificates end that proxies need."""

from base64 import b64encode
from typing import Any

from lateen.certificates.authority import create_authority
from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.runtime.expiry import expiries
from lateen.validation.intake import Intake

NOW = 1_800_000_000.0
DAY = 86_400.0


def secret(**values: bytes) -> dict[str, Any]:
    data = {name.replace("_", "."): b64encode(value).decode() for name, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "data": data}


def server(number: int, credential: str) -> dict[str, Any]:
    return {
        "port": {"number": 443, "name": f"https-{number}", "protocol": "HTTPS"},
        "hosts": [f"{credential}.example.com"],
        "tls": {"mode": "SIMPLE", "credentialName": credential},
    }


def test_each_certificate_that_a_gateway_names_is_told_with_its_end() -> None:
    pair = create_authority(NOW, 30 * DAY)
    whole = secret(tls_crt=pair.certificate.pem, tls_key=pair.key)
    named = ("good", "broken", "absent")
    gateway = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server(*each) for each in enumerate(named)]},
    }
    compiler = Compiler(CompileSettings(proxy_scope=ProxyScope.NAMESPACE), Intake())
    compiler.apply(
        [
            Change(Key(Kind.GATEWAY, "edge", "gw"), gateway),
            Change(Key(Kind.SECRET, "edge", "good"), whole),
            Change(Key(Kind.SECRET, "edge", "broken"), secret(tls_crt=b"no certificate", tls_key=pair.key)),
            Change(Key(Kind.SECRET, "edge", "unnamed"), whole),
        ]
    )
    assert list(expiries(compiler)) == [(Key(Kind.SECRET, "edge", "good"), NOW + 30 * DAY)]
