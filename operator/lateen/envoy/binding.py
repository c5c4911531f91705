"""What Envoy binds."""

from typing import Final

from lateen.envoy.wire import Fields

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - written for Envoy, not bound here


def socket_at(address: str, port: int, *, dual_stack: bool = False) -> Fields:
    """Return an address with a port.

    Args:
        address: IP address.
        port: number.
        dual_stack: take connections by IPv4 and IPv6, at all addresses, by one socket.
    """
    if dual_stack:
        return {"socket_address": {"address": "::", "port_value": port, "ipv4_compat": True}}
    return {"socket_address": {"address": address, "port_value": port}}
