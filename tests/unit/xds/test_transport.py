"""For how long a server keeps its proxies."""

import socket

import pytest
from grpc import aio

from lateen.xds.transport import LEAVE_AFTER, OPTIONS, Transport


def test_without_an_age_streams_never_end_by_themselves() -> None:
    assert Transport().end_of_stream(100.0) is None
    assert dict(Transport().arguments) == OPTIONS


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_streams_end_after_grpc_has_asked_to_leave_and_before_it_cuts_off(chance: float) -> None:
    transport = Transport(leave_after=LEAVE_AFTER, chance=lambda: chance)
    arguments = dict(transport.arguments)
    asked = 1.1 * arguments["grpc.max_connection_age_ms"] / 1000  # gRPC adds a tenth at most
    cut = arguments["grpc.max_connection_age_grace_ms"] / 1000 + 0.9 * arguments["grpc.max_connection_age_ms"] / 1000
    end = transport.end_of_stream(100.0)
    assert end is not None
    assert asked < end - 100.0 < cut


def test_streams_end_at_different_ages() -> None:
    chances = iter([0.0, 1.0])
    transport = Transport(leave_after=LEAVE_AFTER, chance=lambda: next(chances))
    assert transport.end_of_stream(0.0) != transport.end_of_stream(0.0)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_all_addresses_are_those_of_both_families() -> None:
    server = aio.server()
    bound = Transport().bind(server, "[::]:0")
    await server.start()
    try:
        host, _, port = bound.rpartition(":")
        assert host == "[::]"
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, int(port)), timeout=5).close()
    finally:
        await server.stop(None)
