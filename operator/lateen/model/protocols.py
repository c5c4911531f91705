"""Protocols that a port can declare, as users write them (istio-semantics §1.1.1, §2.13)."""

from enum import Enum
from typing import Final


class Protocol(Enum):
    """A declared protocol; the value is the usual spelling."""

    HTTP = "HTTP"
    HTTP_PROXY = "HTTP_PROXY"
    HTTP2 = "HTTP2"
    GRPC = "GRPC"
    GRPC_WEB = "GRPC-WEB"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    MONGO = "Mongo"
    REDIS = "Redis"
    MYSQL = "MySQL"
    UDP = "UDP"
    UNSUPPORTED = ""
    """Nothing known was declared."""

    @property
    def is_http(self) -> bool:
        """Whether the proxy can read requests without decrypting."""
        return self in _HTTP

    @property
    def is_http2(self) -> bool:
        """Whether both sides speak HTTP/2."""
        return self in _HTTP2

    @property
    def is_tls(self) -> bool:
        """Whether connections begin with a TLS handshake."""
        return self in _TLS

    @property
    def is_tcp(self) -> bool:
        """Whether the proxy handles connections rather than requests."""
        return self in _TCP


_HTTP2: Final = frozenset({Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})
_HTTP: Final = _HTTP2 | {Protocol.HTTP, Protocol.HTTP_PROXY}
_TLS: Final = frozenset({Protocol.HTTPS, Protocol.TLS})
_TCP: Final = _TLS | {Protocol.TCP, Protocol.MONGO, Protocol.REDIS, Protocol.MYSQL}
_BY_NAME: Final = {protocol.value.lower(): protocol for protocol in Protocol}


def parse_protocol(text: str) -> Protocol:
    """Read a declared protocol; letter case does not matter, and what is not known is UNSUPPORTED."""
    return _BY_NAME.get(text.lower(), Protocol.UNSUPPORTED)
