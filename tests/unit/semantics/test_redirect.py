"""Redirects and direct responses."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.route import DirectResponse, Redirect
from lateen.model.routeaction import DirectResponseSpec, RedirectSpec
from lateen.semantics.redirect import lower_direct_response, lower_redirect


def lower(listener: int = 80, *, tls: bool = False, **fields: Any) -> Redirect | None:
    return lower_redirect(decode(RedirectSpec, fields), port=listener, tls=tls)


@pytest.mark.parametrize(
    ("fields", "redirect"),
    [
        ({"uri": "/x"}, Redirect(path="/x")),
        ({"uri": "", "authority": "b.com"}, Redirect(path="", host="b.com")),
        ({"prefixRewrite": "/x"}, Redirect(prefix_rewrite="/x")),
        ({"authority": "b.com", "scheme": "https"}, Redirect(host="b.com", scheme="https")),
        ({"uri": "/x", "redirectCode": 308}, Redirect(path="/x", code=308)),
        ({"uri": "/x", "redirectCode": 0}, Redirect(path="/x", code=301)),
    ],
)
def test_a_redirect_is_lowered_field_by_field(fields: dict[str, Any], redirect: Redirect) -> None:
    assert lower(**fields) == redirect


@pytest.mark.parametrize("code", [300, 304, 305, 399])
def test_a_code_that_envoy_cannot_give_makes_no_redirect(code: int) -> None:
    assert lower(uri="/x", redirectCode=code) is None


@pytest.mark.parametrize(
    ("fields", "listener", "tls", "port"),
    [
        ({"port": 8443}, 80, False, 8443),
        ({"port": 443, "scheme": "https"}, 80, False, 0),
        ({"port": 80, "scheme": "http"}, 443, True, 0),
        ({"port": 80, "scheme": "https"}, 80, False, 80),
        ({"port": 443}, 80, True, 0),
        ({"port": 443}, 80, False, 443),
        ({"derivePort": "FROM_REQUEST_PORT"}, 80, False, 0),
        ({"derivePort": "FROM_REQUEST_PORT"}, 8080, False, 8080),
        ({"derivePort": "FROM_REQUEST_PORT", "scheme": "https"}, 443, False, 0),
        ({"derivePort": "FROM_PROTOCOL_DEFAULT"}, 8080, False, 0),
        ({"uri": "/x"}, 8080, False, 0),
    ],
)
def test_the_port_is_written_unless_it_is_the_default_of_the_scheme(
    fields: dict[str, Any], listener: int, *, tls: bool, port: int
) -> None:
    redirect = lower(listener, tls=tls, **fields)
    assert redirect is not None
    assert redirect.port == port


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({}, b""),
        ({"body": {}}, b""),
        ({"body": {"string": "gone"}}, b"gone"),
        ({"body": {"bytes": "Z29uZQ=="}}, b"gone"),
        ({"body": {"bytes": "Z29uZQ"}}, b"gone"),
        ({"body": {"bytes": "-_8"}}, b"\xfb\xff"),
    ],
)
def test_a_direct_response_has_a_status_and_perhaps_a_body(fields: dict[str, Any], body: bytes) -> None:
    spec = decode(DirectResponseSpec, {"status": 410, **fields})
    assert lower_direct_response(spec) == DirectResponse(410, body)
