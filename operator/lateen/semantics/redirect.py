"""Redirects and direct responses (istio-semantics §1.2.6)."""

from typing import Final

from lateen.ir.route import DirectResponse, Redirect
from lateen.model.routeaction import DerivePort, DirectResponseSpec, RedirectSpec
from lateen.validation.routeaction import decode_base64
from lateen.validation.servable import REDIRECT_CODES

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def lower_redirect(spec: RedirectSpec, *, port: int, tls: bool) -> Redirect | None:
    """Lower a `redirect`; None when its code is one Envoy cannot give (§6.49).

    `port` is the one written in the Gateway's server, `tls` whether that server has TLS settings.
    """
    code = spec.redirect_code or 301
    if code not in REDIRECT_CODES:
        return None
    wanted = spec.port or 0
    if not wanted and spec.derive_port is DerivePort.FROM_REQUEST_PORT:
        wanted = port
    scheme = spec.scheme or ("https" if tls else "http")
    if _DEFAULT_PORTS.get(scheme) == wanted:
        wanted = 0
    return Redirect(
        host=spec.authority or "",
        path=None if spec.prefix_rewrite else spec.uri,
        prefix_rewrite=spec.prefix_rewrite or "",
        scheme=spec.scheme or "",
        port=wanted,
        code=code,
    )


def lower_direct_response(spec: DirectResponseSpec) -> DirectResponse:
    """Lower a `directResponse`; `bytes` is base64 as everywhere in JSON."""
    body = b""
    if spec.body is not None:
        if spec.body.string is not None:
            body = spec.body.string.encode()
        elif spec.body.bytes is not None:
            body = decode_base64(spec.body.bytes)
    return DirectResponse(spec.status, body)
