"""Replicas that hear each other over mutual TLS."""

from collections.abc import AsyncIterator

import pytest
from tests.feature.xds.test_security import DOMAIN, EDGE, HOST, SYSTEM, Fortress

from lateen.certificates.authority import Usage
from lateen.certificates.identity import operator_identity, proxy_identity
from lateen.certificates.stored import Bearer
from lateen.xds.peers import Caller, UnreachableReplicaError, offer


async def say() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


@pytest.fixture
async def fortress() -> AsyncIterator[Fortress]:
    fortress = Fortress()
    fortress.server.add_services(offer(fortress.server.gate, say))
    fortress.address = await fortress.server.start("127.0.0.1:0")
    yield fortress
    await fortress.server.stop(0.1)


def caller(fortress: Fortress, identity: str) -> Caller:
    return Caller(lambda: Bearer(fortress.issue(identity, Usage.CLIENT), fortress.authority.bundle), HOST)


async def test_a_replica_hears_what_another_one_says(fortress: Fortress) -> None:
    calling = caller(fortress, operator_identity(SYSTEM, DOMAIN))
    assert [message async for message in calling.follow(fortress.address)] == [b"one", b"two"]


async def test_a_proxy_is_not_told_what_replicas_say(fortress: Fortress) -> None:
    calling = caller(fortress, proxy_identity(EDGE, DOMAIN))
    with pytest.raises(UnreachableReplicaError, match="PERMISSION_DENIED"):
        _ = [message async for message in calling.follow(fortress.address)]


async def test_the_operator_of_another_namespace_is_told_nothing(fortress: Fortress) -> None:
    calling = caller(fortress, operator_identity("elsewhere", DOMAIN))
    with pytest.raises(UnreachableReplicaError, match="PERMISSION_DENIED"):
        _ = [message async for message in calling.follow(fortress.address)]


async def test_nobody_at_home_is_an_error_of_its_own(fortress: Fortress) -> None:
    await fortress.server.stop(0)
    with pytest.raises(UnreachableReplicaError, match="UNAVAILABLE"):
        _ = [message async for message in caller(fortress, operator_identity(SYSTEM, DOMAIN)).follow(fortress.address)]
