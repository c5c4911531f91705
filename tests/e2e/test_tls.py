"""TLS at the edge: certificates out of Secrets, changed live, and broken ones that change nothing."""

import base64
import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.cluster import Doors
from tests.e2e.commands import becomes, eventually
from tests.e2e.kubernetes import Namespace, replace
from tests.e2e.scene import EDGE, deployment, host_of, routes, service, to
from tests.e2e.traffic import Door, Tls
from tests.integration.traffic.certificates import Authority

SECURE = f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: secure}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
    - port: {{number: 443, name: simple, protocol: HTTPS}}
      hosts: ["e2e/{host_of("simple")}"]
      tls: {{mode: SIMPLE, credentialName: simple}}
    - port: {{number: 443, name: mutual, protocol: HTTPS}}
      hosts: ["e2e/{host_of("mutual")}"]
      tls: {{mode: MUTUAL, credentialName: mutual}}
    - port: {{number: 443, name: through, protocol: TLS}}
      hosts: ["e2e/{host_of("through")}"]
      tls: {{mode: PASSTHROUGH}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs all certificates of the servers."""
    return Authority(tmp_path_factory.mktemp("tls"), "authority")


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of clients."""
    return Authority(tmp_path_factory.mktemp("clients"), "clients")


@pytest.fixture(scope="module")
def secure(doors: Doors, shop: Namespace, authority: Authority, clients: Authority) -> Iterator[Namespace]:
    """A Gateway with a server of each mode on one port; deleted in the end."""
    mutual = authority.issue(host_of("mutual"))
    mutual.authority = clients.file
    EDGE.apply(
        authority.issue(host_of("simple")).secret("simple", namespace=EDGE.name, with_authority=False),
        mutual.secret("mutual", namespace=EDGE.name, kind="Opaque"),
        SECURE,
    )
    for name in ("simple", "mutual"):
        shop.apply(routes(name, f"- route: [{to('web')}]", gateway=f"{EDGE.name}/secure"))
    shop.programmed("vs/simple", "vs/mutual")
    EDGE.programmed("gw/secure")
    # The Service has a new port, which nodes open a moment later.
    eventually(lambda: shown(doors.https, host_of("simple"), Tls(authority.file)), what="the port is open")
    yield shop
    EDGE.delete("gw/secure", "secret/simple", "secret/mutual")
    shop.delete("deployment/inner", "secret/inner")


def shown(door: Door, host: str, tls: Tls) -> str:
    """The serial number of the certificate that a new connection is shown."""
    context = tls.context()
    with door.connect() as plain, context.wrap_socket(plain, server_hostname=host) as connection:
        return str((connection.getpeercert() or {})["serialNumber"])


def test_a_certificate_is_renewed_without_losing_a_request(
    doors: Doors, secure: Namespace, authority: Authority
) -> None:
    host, tls = host_of("simple"), Tls(authority.file)
    before = shown(doors.https, host, tls)
    with doors.https.load(host, tls=tls, requests=5) as load:
        EDGE.apply(authority.issue(host).secret("simple", namespace=EDGE.name, with_authority=False))
        after = eventually(lambda: {shown(doors.https, host, tls)} - {before}, what="another certificate").pop()
        becomes(lambda: {shown(doors.https, host, tls) for _ in range(10)}, {after}, what="both proxies show it")
        eventually(lambda: load.has_told("certificate", after), what="the load sees it")
    load.assert_nothing_failed()


def test_a_broken_secret_keeps_the_last_good_certificate_and_says_so(
    doors: Doors, secure: Namespace, authority: Authority
) -> None:
    host, tls = host_of("simple"), Tls(authority.file)
    before = shown(doors.https, host, tls)
    good = EDGE.get("secret", "simple")["data"]["tls.crt"]
    with doors.https.load(host, tls=tls, requests=5) as load:
        EDGE.patch("secret/simple", replace("/data/tls.crt", base64.b64encode(b"no certificate").decode()))
        EDGE.says("gw", "secure", "ResolvedRefs", "False", "simple")
        assert {shown(doors.https, host, tls) for _ in range(10)} == {before}
        EDGE.patch("secret/simple", replace("/data/tls.crt", good))
        EDGE.says("gw", "secure", "ResolvedRefs", "True")
    load.assert_nothing_failed()


def test_a_secret_that_is_gone_is_missed_and_its_last_certificate_stays(
    doors: Doors, secure: Namespace, authority: Authority
) -> None:
    host, tls = host_of("simple"), Tls(authority.file)
    before = shown(doors.https, host, tls)
    with doors.https.load(host, tls=tls, requests=5) as load:
        EDGE.delete("secret/simple")
        EDGE.says("gw", "secure", "ResolvedRefs", "False", "there is no Secret default/simple")
        assert {shown(doors.https, host, tls) for _ in range(10)} == {before}
        EDGE.apply(authority.issue(host).secret("simple", namespace=EDGE.name, with_authority=False))
        EDGE.says("gw", "secure", "ResolvedRefs", "True")
        eventually(lambda: {shown(doors.https, host, tls)} - {before}, what="another certificate")
    load.assert_nothing_failed()


def test_mutual_tls_wants_a_certificate_of_the_clients_authority(
    doors: Doors, secure: Namespace, authority: Authority, clients: Authority
) -> None:
    host = host_of("mutual")
    own = clients.issue("a-client")
    known = Tls(authority.file, own.certificate, own.key)
    assert eventually(lambda: doors.https.ask(host, tls=known).status == 200, what="a known client is served")
    other = authority.issue("another-client")
    for stranger in (Tls(authority.file), Tls(authority.file, other.certificate, other.key)):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            doors.https.ask(host, tls=stranger)


def test_passed_through_tls_ends_at_the_service(
    doors: Doors, secure: Namespace, authority: Authority, tmp_path: Path
) -> None:
    host = host_of("through")
    inner = Authority(tmp_path, "inner")
    secure.apply(
        inner.issue(host).secret("inner", namespace=secure.name, with_authority=False),
        service("inner"),
        deployment("inner", "inner", tls_secret="inner"),
        f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: through}}
spec:
  hosts: [{host}]
  gateways: [{EDGE.name}/secure]
  tls:
    - match: [{{sniHosts: [{host}]}}]
      route: [{{destination: {{host: inner}}}}]
""",
    )
    secure.rolled_out("inner")
    secure.programmed("vs/through")
    answer = eventually(lambda: doors.https.ask(host, tls=Tls(inner.file)), what="the service's own certificate")
    assert answer.pod.startswith("inner-")
