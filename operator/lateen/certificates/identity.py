"""Who a certificate speaks for, as a URI: one class of proxies, or the operator.

    spiffe://<trust domain>/ns/<namespace>/lateen-proxy/<name of the class>
    spiffe://<trust domain>/ns/<namespace>/lateen-operator

SPIFFE allows letters, digits, `.`, `-` and `_` in a path, and percent-encoding expressly not. So
every other byte of a class's name is `_` and two hex digits, `_` itself included:
`istio=ingressgateway` is `istio_3dingressgateway`.
"""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from lateen.ir.proxy import ProxyId

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]")
_DOTS: Final = re.compile(r"\.{1,2}")
_ESCAPE: Final = re.compile(rb"_([0-9a-f]{2})")
_PROXY: Final = "lateen-proxy"
_OPERATOR: Final = "lateen-operator"


@dataclass(frozen=True, slots=True)
class OperatorIdentity:
    """Any replica of the operator."""

    namespace: str

    def __str__(self) -> str:
        """Print it for people."""
        return f"the operator in namespace {self.namespace}"


Identity: TypeAlias = ProxyId | OperatorIdentity


def proxy_identity(proxy: ProxyId, trust_domain: str) -> str:
    """Name a class of proxies."""
    return f"spiffe://{trust_domain}/ns/{_encode(proxy.namespace)}/{_PROXY}/{_encode(proxy.name)}"


def operator_identity(namespace: str, trust_domain: str) -> str:
    """Name the operator of a namespace."""
    return f"spiffe://{trust_domain}/ns/{_encode(namespace)}/{_OPERATOR}"


def parse_identity(uri: str, trust_domain: str) -> Identity | None:
    """Tell whom a URI names; None: nobody of this trust domain."""
    head = f"spiffe://{trust_domain}/ns/"
    if not uri.startswith(head):
        return None
    identity: Identity
    match uri.removeprefix(head).split("/"):
        case [namespace, kind, name] if kind == _PROXY:
            identity = ProxyId(_decode(namespace), _decode(name))
            canonical = proxy_identity(identity, trust_domain)
        case [namespace, kind] if kind == _OPERATOR:
            identity = OperatorIdentity(_decode(namespace))
            canonical = operator_identity(identity.namespace, trust_domain)
        case _:
            return None
    # One name, one spelling: what would be written otherwise is not ours.
    return identity if uri == canonical else None


def _encode(text: str) -> str:
    if _DOTS.fullmatch(text):  # a path must not hold `.` and `..`
        return "".join(map(_escape, text))
    return _UNSAFE.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    return "".join(f"_{byte:02x}" for byte in character.encode())


def _decode(text: str) -> str:
    raw = text.encode()
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), raw).decode("utf-8", "replace")
