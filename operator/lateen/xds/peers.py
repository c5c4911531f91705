"""How replicas of an operator hear each other: one call, beside discovery, on the same port and certificates.

What is said is not looked at here (`lateen.runtime.replicas`): messages are bytes.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc import aio

from lateen.certificates.stored import Bearer
from lateen.errors import LateenError
from lateen.xds.transport import OPTIONS, Gate

_SERVICE: Final = "lateen.Replicas"
_METHOD: Final = "Follow"


class UnreachableReplicaError(LateenError):
    """Another replica does not answer, or refuses."""


def offer(gate: Gate, messages: Callable[[], AsyncIterator[bytes]]) -> Any:
    """Make a handler for `DiscoveryServer.add_services`: each replica that calls gets messages of its own."""

    async def follow(request: bytes, context: Any) -> AsyncIterator[bytes]:
        del request  # there is nothing to ask for
        await gate.admit_operator(context)
        async for message in messages():
            yield message

    return grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: grpc.unary_stream_rpc_method_handler(follow)})


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls other replicas."""

    bearer: Callable[[], Bearer]
    """Gives this replica's certificate and whom it trusts, for each call."""
    host: str
    """The name in the certificates of all replicas; they are called by address."""

    async def follow(self, address: str) -> AsyncIterator[bytes]:
        """Give the messages of the replica at `host:port` until it ends.

        Raises:
            UnreachableReplicaError: it does not answer, refuses, or breaks off.
        """
        bearer = self.bearer()
        credentials = grpc.ssl_channel_credentials(bearer.trusted, bearer.pair.key, bearer.pair.certificate.pem)
        options = [*OPTIONS.items(), ("grpc.ssl_target_name_override", self.host)]
        async with aio.secure_channel(address, credentials, options=options) as channel:
            call = channel.unary_stream(f"/{_SERVICE}/{_METHOD}")(b"")
            try:
                async for message in call:
                    yield message
            except grpc.RpcError as error:
                raise UnreachableReplicaError(f"{error.code().name}: {error.details()}") from error
            finally:
                call.cancel()
