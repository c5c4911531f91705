"""How streams reach the server: addresses, TLS, and who is at the other end.

Without `Security` whoever can reach the address is trusted: a socket in a private directory,
loopback. With it, both sides show a certificate, and every new connection is met with the
certificate and the authorities of that moment; connections that stand are not touched.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

import grpc
import structlog

from lateen.certificates.identity import Identity, OperatorIdentity, parse_identity
from lateen.certificates.stored import Bearer
from lateen.errors import InputError
from lateen.ir.proxy import ProxyId

log = structlog.get_logger(__name__)

OPTIONS: Mapping[str, int] = MappingProxyType(
    {
        "grpc.keepalive_time_ms": 30_000,
        "grpc.keepalive_timeout_ms": 10_000,
        "grpc.http2.max_pings_without_data": 0,
        "grpc.http2.min_ping_interval_without_data_ms": 10_000,
        "grpc.max_receive_message_length": -1,
        "grpc.max_send_message_length": -1,
        "grpc.so_reuseport": 0,
    },
)
"""Notice proxies that vanished; a proxy that knows 10,000 resources says so in one long message."""

LEAVE_AFTER = 1800.0
"""Seconds after which proxies of a cluster are asked to leave; their streams end half an hour later at most."""

_LEAST_AGE = 1.15
_GREATEST_AGE = 2.0
"""Ages at which streams end, in multiples of `leave_after`, which gRPC varies by a tenth."""

_GRACE = 2
"""How long gRPC waits for streams to end by themselves, in the same multiples."""

_URI = "peer_uri"
"""What gRPC calls the URIs in a peer's certificate that it has verified."""


@dataclass(frozen=True, slots=True)
class Security:
    """Mutual TLS, and what names in certificates mean."""

    bearer: Callable[[], Bearer]
    """Gives the server's certificate and whom it trusts; called for each connection, on any thread."""
    trust_domain: str
    namespace: str
    """Where the operator runs: its replicas are known by it."""


@dataclass(frozen=True, slots=True)
class Transport:
    """How proxies reach a server, and for how long."""

    security: Security | None = None
    """None: whoever can connect is trusted."""
    leave_after: float | None = None
    """Seconds after which a proxy is asked to put nothing new on its connection. Its stream ends when it is
    between one and two times as old, and the proxy comes back, to whichever replica it gets: so streams
    spread again after a rollout. None: never."""
    chance: Callable[[], float] = random.random
    """From 0 to 1: chooses when a stream ends."""

    @property
    def arguments(self) -> tuple[tuple[str, int], ...]:
        """Everything that gRPC is to be told."""
        if self.leave_after is None:
            return tuple(OPTIONS.items())
        milliseconds = int(self.leave_after * 1000)
        ages = {
            "grpc.max_connection_age_ms": milliseconds,
            "grpc.max_connection_age_grace_ms": _GRACE * milliseconds,
        }
        return tuple({**OPTIONS, **ages}.items())

    def end_of_stream(self, now: float) -> float | None:
        """Choose when a stream that begins now is ended; None: it is not.

        On a connection that is not to be left yet, the proxy would come back to the same replica.
        """
        if self.leave_after is None:
            return None
        return now + self.leave_after * (_LEAST_AGE + (_GREATEST_AGE - _LEAST_AGE) * self.chance())

    def bind(self, server: Any, address: str) -> str:
        """Let a gRPC server listen, and return the address that is really bound.

        Raises:
            InputError: the address cannot be bound.
        """
        try:
            if self.security is None:
                port = server.add_insecure_port(address)
            else:
                port = server.add_secure_port(address, _credentials(self.security.bearer))
        except RuntimeError as error:
            raise InputError(f"cannot listen on {address}: {error}") from error
        return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"


class Gate:
    """Lets peers do what their certificates allow. Without security they may do all."""

    def __init__(self, security: Security | None) -> None:
        """Guard a server."""
        self._security = security

    async def admit_proxy(self, context: Any, proxy: ProxyId) -> None:
        """Return if the peer may be served as this class of proxies; else end the call, which raises."""
        if self._security is not None:
            await self._admit(context, self._security, proxy)

    async def admit_operator(self, context: Any) -> None:
        """Return if the peer is another replica of this operator; else end the call, which raises."""
        if self._security is not None:
            await self._admit(context, self._security, OperatorIdentity(self._security.namespace))

    async def _admit(self, context: Any, security: Security, wanted: Identity) -> None:
        uris = _uris_of(context)
        identities = {parse_identity(uri, security.trust_domain) for uri in uris}
        if identities == {wanted}:
            return
        if identities <= {None}:
            code, known = grpc.StatusCode.UNAUTHENTICATED, ", ".join(uris) or "nobody"
        else:
            code, known = grpc.StatusCode.PERMISSION_DENIED, ", ".join(map(str, identities))
        log.warning("peer refused", claims=str(wanted), certificate=known, peer=context.peer())
        await _refuse(context, code, f"the certificate is one of {known}, not of {wanted}")


def _credentials(bearer: Callable[[], Bearer]) -> Any:
    """Make credentials that are looked up for each connection. gRPC's own least version of TLS is 1.2."""
    configure = _Configuration(bearer)
    return grpc.dynamic_ssl_server_credentials(configure(), configure, require_client_authentication=True)


class _Configuration:
    """Called by gRPC before each handshake, on threads of its own: reads one reference and locks nothing.

    An unchanged bearer gives the same configuration again, which makes two threads at once harmless.
    """

    def __init__(self, bearer: Callable[[], Bearer]) -> None:
        self._bearer = bearer
        self._last: tuple[Bearer, Any] | None = None

    def __call__(self) -> Any:
        bearer, last = self._bearer(), self._last
        if last is None or last[0] is not bearer:
            pair = (bearer.pair.key, bearer.pair.certificate.pem)
            last = self._last = (bearer, grpc.ssl_server_certificate_configuration([pair], bearer.trusted))
        return last[1]


def _uris_of(context: Any) -> list[str]:
    return [uri.decode("utf-8", "replace") for uri in context.auth_context().get(_URI, ())]


async def _refuse(context: Any, code: Any, words: str) -> NoReturn:
    await context.abort(code, words)
    raise AssertionError("abort raises")
