"""Which protocol a port of a Kubernetes Service speaks (istio-semantics §2.13)."""

from typing import Final

from lateen.model.protocols import Protocol, parse_protocol

_APP_PROTOCOLS: Final = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
_ALWAYS_TCP: Final = frozenset({25, 53, 3306, 27017})
"""Servers on these ports speak first: guessing HTTP would hang the connection."""


def protocol_of_port(number: int, name: str = "", app_protocol: str = "", transport: str = "TCP") -> Protocol:
    """Decide the protocol of a port.

    `app_protocol`, when set, replaces the port's name even if it is unknown; of the text only
    the part before the first dash counts (`http-admin` is HTTP).
    """
    if transport.upper() == "UDP":
        return Protocol.UDP
    text = (app_protocol or name).lower()
    if text in _APP_PROTOCOLS:
        return _APP_PROTOCOLS[text]
    if text.startswith("grpc-web"):
        return Protocol.GRPC_WEB
    known = parse_protocol(text.partition("-")[0])
    if known is Protocol.UNSUPPORTED and number in _ALWAYS_TCP:
        return Protocol.TCP
    return known
