"""Who is served what over mutual TLS, and how certificates change under a running server."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from grpc import aio
from structlog.testing import capture_logs
from tests.feature.xds.channel import connected
from tests.unit.xds.scene import CLUSTER, cluster

from lateen.certificates.authority import DAY, Lifetimes, Usage, create_authority, issue
from lateen.certificates.certificate import KeyPair
from lateen.certificates.identity import operator_identity, proxy_identity
from lateen.certificates.rotation import AuthorityState, advance
from lateen.certificates.stored import Bearer
from lateen.ir.proxy import ProxyId
from lateen.xds.cache import ResourceCache
from lateen.xds.server import DiscoveryServer
from lateen.xds.transport import Security, Transport

EDGE = ProxyId("edge", "all")
OTHER = ProxyId("edge", "istio=other")
DOMAIN = "cluster.local"
SYSTEM = "lateen-system"
HOST = "lateen-xds.lateen-system.svc"


class Fortress:
    """A secured server, and its authority."""

    def __init__(self) -> None:
        """Prepare everything; nothing listens yet."""
        self.authority = AuthorityState(create_authority(time.time(), 90 * DAY))
        self.steps = 0
        self.bearer = self._issue_server()
        self.cache = ResourceCache()
        for proxy in (EDGE, OTHER):
            self.cache.publish(proxy, {(each := cluster(f"of {proxy.name}")).key: each})
        security = Security(lambda: self.bearer, DOMAIN, SYSTEM)
        self.server = DiscoveryServer(self.cache, transport=Transport(security), token="t")
        self.address = ""

    def _issue_server(self) -> Bearer:
        identity = operator_identity(SYSTEM, DOMAIN)
        return Bearer(self.issue(identity, Usage.SERVER, HOST), self.authority.bundle)

    def issue(self, uri: str, usage: Usage = Usage.CLIENT, *hosts: str, signer: KeyPair | None = None) -> KeyPair:
        """Issue a certificate."""
        by = signer or self.authority.signer
        return issue(by, now=time.time(), lifetime=DAY, usages=[usage], uris=[uri] if uri else [], dns_names=hosts)

    def rotate(self) -> None:
        """Take the next step of one rotation, as if two days had passed, and serve what comes of it."""
        step, self.steps = self.steps, self.steps + 1
        now = time.time() + 2 * DAY * step
        self.authority = advance(
            self.authority, now, Lifetimes(), lambda: create_authority(time.time(), 90 * DAY), wanted=step == 0
        )
        self.bearer = self._issue_server()

    def channel(self, pair: KeyPair | None, trusted: bytes | None = None) -> Any:
        """Open a channel with a certificate."""
        key, chain = (None, None) if pair is None else (pair.key, pair.certificate.pem)
        credentials = grpc.ssl_channel_credentials(trusted or self.authority.bundle, key, chain)
        return aio.secure_channel(self.address, credentials, options=[("grpc.ssl_target_name_override", HOST)])

    async def served(self, pair: KeyPair | None, claim: ProxyId = EDGE, trusted: bytes | None = None) -> list[str]:
        """Name the clusters that a peer gets.

        Raises:
            grpc.RpcError: none at all.
        """
        async with connected(self.address, str(claim), channel=self.channel(pair, trusted)) as client:
            await client.ask(CLUSTER)
            return [each.name for each in (await client.receive()).resources]

    async def refusal(self, pair: KeyPair | None, claim: ProxyId = EDGE, trusted: bytes | None = None) -> Any:
        """Tell with which status a peer is turned away."""
        with pytest.raises(grpc.RpcError) as refused:
            await self.served(pair, claim, trusted)
        return refused.value.code()


@pytest.fixture
async def fortress() -> AsyncIterator[Fortress]:
    fortress = Fortress()
    fortress.address = await fortress.server.start("127.0.0.1:0")
    fortress.server.admit()
    yield fortress
    await fortress.server.stop(0.1)


async def test_a_proxy_gets_what_its_own_class_gets(fortress: Fortress) -> None:
    for proxy in (EDGE, OTHER):
        pair = fortress.issue(proxy_identity(proxy, DOMAIN))
        assert await fortress.served(pair, proxy) == [f"of {proxy.name}"]


async def test_a_proxy_gets_nothing_of_another_class_and_the_log_names_both(fortress: Fortress) -> None:
    pair = fortress.issue(proxy_identity(EDGE, DOMAIN))
    with capture_logs() as logs:
        assert await fortress.refusal(pair, OTHER) is grpc.StatusCode.PERMISSION_DENIED
    (line,) = (line for line in logs if line["event"] == "peer refused")
    assert (line["claims"], line["certificate"]) == ("edge/istio=other", "edge/all")


@pytest.mark.parametrize(
    "claim",
    [ProxyId("edge", "none"), ProxyId("elsewhere", "all"), ProxyId("edge", "all/more"), ProxyId("edge", "ALL")],
    ids=str,
)
async def test_a_proxy_cannot_wait_for_a_class_that_is_not_its_own(fortress: Fortress, claim: ProxyId) -> None:
    pair = fortress.issue(proxy_identity(EDGE, DOMAIN))
    assert await fortress.refusal(pair, claim) is grpc.StatusCode.PERMISSION_DENIED


async def test_an_operator_is_no_proxy(fortress: Fortress) -> None:
    pair = fortress.issue(operator_identity(SYSTEM, DOMAIN))
    assert await fortress.refusal(pair) is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("uri", ["", proxy_identity(EDGE, "other.example"), "https://edge/all"])
async def test_a_certificate_that_names_nobody_we_know_is_not_enough(fortress: Fortress, uri: str) -> None:
    pair = fortress.issue(uri, Usage.CLIENT, "edge.all")
    assert await fortress.refusal(pair) is grpc.StatusCode.UNAUTHENTICATED


async def test_whoever_has_no_certificate_is_turned_away(fortress: Fortress) -> None:
    assert await fortress.refusal(None) is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_an_unknown_authority_is_turned_away(fortress: Fortress) -> None:
    stranger = create_authority(time.time(), DAY)
    pair = fortress.issue(proxy_identity(EDGE, DOMAIN), signer=stranger)
    assert await fortress.refusal(pair) is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_for_servers_is_turned_away(fortress: Fortress) -> None:
    pair = fortress.issue(proxy_identity(EDGE, DOMAIN), Usage.SERVER)
    assert await fortress.refusal(pair) is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate_is_turned_away(fortress: Fortress) -> None:
    uri = proxy_identity(EDGE, DOMAIN)
    pair = issue(fortress.authority.signer, now=time.time() - DAY, lifetime=60, usages=[Usage.CLIENT], uris=[uri])
    assert await fortress.refusal(pair) is grpc.StatusCode.UNAVAILABLE


async def test_a_stream_outlives_every_phase_of_a_rotation(fortress: Fortress) -> None:
    pair, trusted = fortress.issue(proxy_identity(EDGE, DOMAIN)), fortress.authority.bundle
    async with connected(fortress.address, str(EDGE), channel=fortress.channel(pair, trusted)) as client:
        await client.ask(CLUSTER)
        await client.ack(await client.receive())
        for number in range(3):
            fortress.rotate()
            changed = cluster(f"new {number}")
            fortress.cache.publish(EDGE, {changed.key: changed})
            response = await client.receive()
            assert [each.name for each in response.resources] == [changed.key.name]
            await client.ack(response)


async def test_new_connections_follow_a_rotation_phase_by_phase(fortress: Fortress) -> None:
    old, trusting_old = fortress.issue(proxy_identity(EDGE, DOMAIN)), fortress.authority.bundle

    fortress.rotate()
    assert fortress.authority.successor is not None
    early = fortress.issue(proxy_identity(EDGE, DOMAIN), signer=fortress.authority.successor.pair)
    assert await fortress.served(old, trusted=trusting_old)
    assert await fortress.served(early, trusted=trusting_old), "the successor is trusted before it signs"
    trusting_both = fortress.authority.bundle

    fortress.rotate()
    new = fortress.issue(proxy_identity(EDGE, DOMAIN))
    assert await fortress.refusal(old, trusted=trusting_old) is grpc.StatusCode.UNAVAILABLE, "the successor signs"
    assert await fortress.served(old, trusted=trusting_both), "the old one is still trusted"
    assert await fortress.served(new, trusted=trusting_both)

    fortress.rotate()
    assert not fortress.authority.retired
    assert await fortress.refusal(old, trusted=trusting_both) is grpc.StatusCode.UNAVAILABLE
    assert await fortress.served(new)


async def test_a_bearer_that_cannot_be_used_leaves_the_last_one_in_place(fortress: Fortress) -> None:
    pair = fortress.issue(proxy_identity(EDGE, DOMAIN))
    good = fortress.bearer
    fortress.bearer = replace(good, pair=replace(good.pair, key=b"broken"))
    assert await fortress.served(pair)


async def test_another_service_on_the_same_port_can_be_for_operators_only() -> None:
    fortress = Fortress()

    async def greet(request: bytes, context: Any) -> bytes:
        await fortress.server.gate.admit_operator(context)
        return request

    handler = grpc.unary_unary_rpc_method_handler(greet)
    fortress.server.add_services(grpc.method_handlers_generic_handler("lateen.Test", {"Greet": handler}))
    fortress.address = await fortress.server.start("127.0.0.1:0")

    async def answer(uri: str) -> Any:
        async with fortress.channel(fortress.issue(uri)) as channel:
            return await channel.unary_unary("/lateen.Test/Greet")(b"hello")

    try:
        assert await answer(operator_identity(SYSTEM, DOMAIN)) == b"hello"
        for uri in (operator_identity("elsewhere", DOMAIN), proxy_identity(EDGE, DOMAIN)):
            with pytest.raises(grpc.RpcError) as refused:
                await answer(uri)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    finally:
        await fortress.server.stop(0.1)
