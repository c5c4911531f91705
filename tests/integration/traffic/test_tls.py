"""TLS at the Gateway: terminated, mutual, passed through, and asked for by a redirect."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.integration.traffic.certificates import Authority, Credential, trusting
from tests.integration.traffic.client import Answer, Connection
from tests.integration.traffic.edge import Edge, gateway
from tests.integration.traffic.site import Site
from tests.ports import free_port

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody knows."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def service(name: str, hosts: str, gateway_name: str) -> str:
    """Write a VirtualService that answers with its name."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: edge}}
spec:
  hosts: [{hosts}]
  gateways: [edge/{gateway_name}]
  http: [{{directResponse: {{status: 200, body: {{string: {name}}}}}}}]
"""


@asynccontextmanager
async def connected(port: int, server_name: str, tls: ssl.SSLContext) -> AsyncIterator[Connection]:
    connection = await Connection.open(port, tls=tls, server_name=server_name)
    try:
        yield connection
    finally:
        await connection.close()


async def ask(port: int, host: str, tls: ssl.SSLContext, target: str = "/") -> Answer:
    async with connected(port, host, tls) as connection:
        return await connection.request("GET", target, [("host", host)])


async def test_a_certificate_of_a_secret_is_shown(edge: Edge, authority: Authority) -> None:
    port = free_port()
    await edge.apply(
        authority.issue("a.simple.test", "*.w.simple.test").secret("simple"),
        gateway(
            "simple", port, protocol="HTTPS", hosts='"*.simple.test"', tls="{mode: SIMPLE, credentialName: simple}"
        ),
        service("simple-exact", "a.simple.test", "simple"),
        service("simple-wild", '"*.w.simple.test"', "simple"),
    )
    client = trusting(authority)
    assert (await ask(port, "a.simple.test", client)).body == b"simple-exact"
    assert (await ask(port, "b.w.simple.test", client)).body == b"simple-wild"


async def test_each_server_shows_its_own_certificate(edge: Edge, authority: Authority) -> None:
    port = free_port()
    names = ("one", "two")
    await edge.apply(
        *(authority.issue(f"{name}.sni.test").secret(f"sni-{name}") for name in names),
        *(
            gateway(
                f"sni-{name}",
                port,
                protocol="HTTPS",
                hosts=f"{name}.sni.test",
                tls=f"{{mode: SIMPLE, credentialName: sni-{name}}}",
            )
            for name in names
        ),
        *(service(f"sni-{name}", f"{name}.sni.test", f"sni-{name}") for name in names),
    )
    for name in names:
        assert (await ask(port, f"{name}.sni.test", trusting(authority))).body == f"sni-{name}".encode()
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await ask(port, "three.sni.test", trusting(authority))


async def test_a_new_certificate_is_used_without_a_restart(
    edge: Edge, authority: Authority, stranger: Authority
) -> None:
    port = free_port()
    await edge.apply(
        stranger.issue("rotated.test").secret("rotated"),
        gateway("rotated", port, protocol="HTTPS", hosts="rotated.test", tls="{mode: SIMPLE, credentialName: rotated}"),
        service("rotated", "rotated.test", "rotated"),
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        await ask(port, "rotated.test", trusting(authority))
    await edge.apply(authority.issue("rotated.test").secret("rotated"))
    assert (await ask(port, "rotated.test", trusting(authority))).body == b"rotated"


async def test_a_certificate_that_comes_later_opens_the_port(edge: Edge, authority: Authority) -> None:
    port = free_port()
    await edge.apply(
        gateway("late", port, protocol="HTTPS", hosts="late.test", tls="{mode: SIMPLE, credentialName: late}"),
        service("late", "late.test", "late"),
        faulty=True,
    )
    await edge.apply(authority.issue("late.test").secret("late"))
    assert (await ask(port, "late.test", trusting(authority))).body == b"late"


async def test_certificates_of_files_are_shown(edge: Edge, authority: Authority) -> None:
    port = free_port()
    made = authority.issue("files.test")
    await edge.apply(
        gateway(
            "files",
            port,
            protocol="HTTPS",
            hosts="files.test",
            tls=f"{{mode: SIMPLE, serverCertificate: {made.certificate}, privateKey: {made.key}}}",
        ),
        service("files", "files.test", "files"),
    )
    assert (await ask(port, "files.test", trusting(authority))).body == b"files"


async def mutual(edge: Edge, authority: Authority, mode: str) -> int:
    """Open a port that asks clients for certificates."""
    port, name = free_port(), mode.lower().replace("_", "-")
    await edge.apply(
        authority.issue(f"{name}.test").secret(name),
        gateway(name, port, protocol="HTTPS", hosts=f"{name}.test", tls=f"{{mode: {mode}, credentialName: {name}}}"),
        service(name, f"{name}.test", name),
    )
    return port


async def test_clients_without_a_certificate_are_turned_away(
    edge: Edge, authority: Authority, stranger: Authority
) -> None:
    port = await mutual(edge, authority, "MUTUAL")
    assert (await ask(port, "mutual.test", trusting(authority, authority.issue("client")))).body == b"mutual"
    for credential in (None, stranger.issue("client")):
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await ask(port, "mutual.test", trusting(authority, credential))


async def test_certificates_of_clients_can_be_optional(edge: Edge, authority: Authority, stranger: Authority) -> None:
    port = await mutual(edge, authority, "OPTIONAL_MUTUAL")
    for credential in (None, authority.issue("client")):
        assert (await ask(port, "optional-mutual.test", trusting(authority, credential))).body == b"optional-mutual"
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await ask(port, "optional-mutual.test", trusting(authority, stranger.issue("client")))


async def test_old_versions_of_tls_can_be_refused(edge: Edge, authority: Authority) -> None:
    port = free_port()
    await edge.apply(
        authority.issue("new.test").secret("new"),
        gateway(
            "new",
            port,
            protocol="HTTPS",
            hosts="new.test",
            tls="{mode: SIMPLE, credentialName: new, minProtocolVersion: TLSV1_3}",
        ),
        service("new", "new.test", "new"),
    )
    client = trusting(authority)
    assert (await ask(port, "new.test", client)).body == b"new"
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await ask(port, "new.test", client)


async def test_plain_requests_are_sent_to_https(edge: Edge) -> None:
    port = free_port()
    await edge.apply(
        gateway("redirecting", port, hosts='"*.redirecting.test"', tls="{httpsRedirect: true}"),
        service("redirecting", "a.redirecting.test", "redirecting"),
    )
    for host in ("a.redirecting.test", "b.redirecting.test"):  # also where nobody has rules
        answer = await edge.client.request(port, host, "/path?query")
        assert (answer.status, answer.headers["location"]) == (301, f"https://{host}/path?query")


async def test_encrypted_connections_are_passed_through_by_their_server_name(
    edge: Edge, authority: Authority, site: Site
) -> None:
    port = free_port()
    site.protocol = "TLS"
    one = await site.backend("one", {"name": "one"}, tls=authority.issue("one.pass.test").server())
    two = await site.backend("two", {"name": "two"}, tls=authority.issue("two.pass.test", "x.two.pass.test").server())
    await site.live(
        http="[{directResponse: {status: 200}}]",
        subsets="[{name: one, labels: {name: one}}, {name: two, labels: {name: two}}]",
        more=f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: passing, namespace: edge}}
spec:
  hosts: [one.pass.test, "*.two.pass.test", two.pass.test]
  gateways: [edge/passing]
  tls:
    - match: [{{sniHosts: [one.pass.test]}}]
      route: [{{destination: {{host: SERVICE, subset: one}}}}]
    - match: [{{sniHosts: ["*.two.pass.test", two.pass.test]}}]
      route: [{{destination: {{host: SERVICE, subset: two}}}}]
---{gateway("passing", port, protocol="TLS", hosts='"*.pass.test"', tls="{mode: PASSTHROUGH}")}""",
    )
    client = trusting(authority)
    for host, backend in (("one.pass.test", "one"), ("two.pass.test", "two"), ("x.two.pass.test", "two")):
        answer = await ask(port, host, client)
        assert answer.backend == backend
        assert "server" not in answer.headers  # nobody has looked inside
    assert one.server_names == ["one.pass.test"]
    assert two.server_names == ["two.pass.test", "x.two.pass.test"]
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await ask(port, "three.pass.test", client)


async def test_tls_can_be_ended_for_a_protocol_that_is_not_http(edge: Edge, authority: Authority, site: Site) -> None:
    port = free_port()
    site.protocol = "TCP"
    await site.start("inside")
    await site.live(
        http="[{directResponse: {status: 200}}]",
        more=f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: ending, namespace: edge}}
spec:
  hosts: [ending.test]
  gateways: [edge/ending]
  tcp: [{{route: [{{destination: {{host: SERVICE}}}}]}}]
---{authority.issue("ending.test").secret("ending")}
---{gateway("ending", port, protocol="TLS", hosts="ending.test", tls="{mode: SIMPLE, credentialName: ending}")}""",
    )
    assert (await ask(port, "ending.test", trusting(authority))).backend == "inside"


@pytest.mark.parametrize("given", ["files", "secret"])
async def test_the_proxy_speaks_tls_to_backends_and_checks_them(
    site: Site, authority: Authority, stranger: Authority, given: str
) -> None:
    backend = await site.backend("a", tls=authority.issue("backend.test").server())
    for known in (authority, stranger):
        name = f"{site.name}-{known.file.stem}"
        trust = f"caCertificates: {known.file}" if given == "files" else f"credentialName: {name}"
        await site.live(
            policy=f"{{tls: {{mode: SIMPLE, sni: backend.test, subjectAltNames: [backend.test], {trust}}}}}",
            more=known.issue("unused").secret(name, kind="Opaque"),
        )
        answer = await site.get()
        assert answer.status == (200 if known is authority else 503), answer
    assert backend.server_names[0] == "backend.test"
    assert await site.stat("ssl.fail_verify_error") > 0


async def test_a_backend_with_another_name_is_not_trusted(site: Site, authority: Authority) -> None:
    await site.backend("a", tls=authority.issue("other.test").server())
    await site.live(
        policy=f"{{tls: {{mode: SIMPLE, caCertificates: {authority.file}, subjectAltNames: [backend.test]}}}}"
    )
    assert (await site.get()).status == 503
    assert await site.stat("ssl.fail_verify_san") > 0


async def test_without_names_a_backend_is_asked_for_and_checked_by_the_host(site: Site, authority: Authority) -> None:
    backend = await site.backend("a", tls=authority.issue(site.host).server())
    await site.live(policy=f"{{tls: {{mode: SIMPLE, caCertificates: {authority.file}}}}}")
    assert str(await site.get()) == "a"
    assert backend.server_names == [site.host]


async def test_a_backend_can_be_trusted_unseen(site: Site, stranger: Authority) -> None:
    await site.backend("a", tls=stranger.issue("whoever.test").server())
    await site.live(policy="{tls: {mode: SIMPLE, insecureSkipVerify: true}}")
    assert str(await site.get()) == "a"


def proof(how: str, site: Site, shown: Credential) -> str:
    """Write where the proxy's own certificate is."""
    if how == "secret":
        return f"credentialName: {site.name}"
    return f"clientCertificate: {shown.certificate}, privateKey: {shown.key}, caCertificates: {shown.authority}"


@pytest.mark.parametrize("how", ["files", "secret"])
async def test_the_proxy_shows_a_certificate_to_backends_that_ask(site: Site, authority: Authority, how: str) -> None:
    await site.backend("a", tls=authority.issue(site.host).server(clients_of=authority.file))
    shown = authority.issue("proxy")
    await site.live(policy=f"{{tls: {{mode: MUTUAL, {proof(how, site, shown)}}}}}", more=shown.secret(site.name))
    assert str(await site.get()) == "a"
    await site.live(policy=f"{{tls: {{mode: SIMPLE, caCertificates: {authority.file}}}}}")
    assert (await site.get()).status == 503


async def test_a_handshake_does_not_hold_up_others(edge: Edge, authority: Authority) -> None:
    port = await mutual(edge, authority, "MUTUAL")
    _, silent = await asyncio.open_connection("127.0.0.1", port)
    client = trusting(authority, authority.issue("client"))
    assert (await ask(port, "mutual.test", client)).body == b"mutual"
    silent.close()
    await silent.wait_closed()
