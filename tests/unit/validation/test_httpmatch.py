"""Which conditions an HTTP rule may have: a snippet of one match, and what is found where."""

import pytest
from tests.unit.validation.judging import http_rule, virtual_service

from lateen.validation.httpmatch import is_claim

TEXTS = [
    ("uri: {exact: /a}", []),
    ("uri: {prefix: ''}", []),
    ("uri: {regex: '/a/[0-9]+'}", []),
    ("uri: {regex: ''}", ["error uri.regex"]),
    ("uri: {regex: '*'}", ["error uri.regex"]),
    ("uri: {regex: '(?!a)'}", ["error uri.regex"]),
    (f"uri: {{regex: {'a' * 1024}}}", []),
    (f"uri: {{regex: {'a' * 1025}}}", ["error uri.regex"]),
    ("uri: {exact: /a, prefix: /b}", ["error uri"]),
    ("uri: {}", ["warning uri"]),
    ("method: {exact: GET}", []),
    ("method: {}", ["warning method"]),
    ("method: {prefix: ''}", ["error method.prefix"]),
    ("scheme: {prefix: ''}", ["error scheme.prefix"]),
    ("authority: {prefix: ''}", ["error authority.prefix"]),
    ("authority: {regex: '['}", ["error authority.regex"]),
    ("queryParams: {q: {exact: a}, r: {}}", []),
    ("queryParams: {q: {prefix: ''}}", ["error queryParams.q.prefix"]),
    ("queryParams: {q: {regex: ''}}", ["error queryParams.q.regex"]),
    ("{uri: {prefix: /a}, ignoreUriCase: true}", []),
    ("{uri: {regex: /a}, ignoreUriCase: true}", ["warning ignoreUriCase"]),
    ("ignoreUriCase: true", ["warning ignoreUriCase"]),
]

HEADERS = [
    ("headers: {x-user: {exact: a}}", []),
    ("headers: {x-user: {}}", []),
    ("headers: {x-user: null}", []),
    ("headers: {':method': {exact: GET}}", []),
    ("headers: {'@request.auth.claims.sub': {exact: a}}", []),
    ("headers: {'@request.auth.claims[a][b]': {exact: a}}", []),
    ("headers: {'': {exact: a}}", ["error headers."]),
    ("headers: {'a b': {exact: a}}", ["error headers.a b"]),
    ("headers: {'@request.auth': {exact: a}}", ["error headers.@request.auth"]),
    ("headers: {x-user: {prefix: ''}}", ["error headers.x-user.prefix"]),
    ("headers: {x-user: {regex: '*'}}", ["error headers.x-user.regex"]),
    ("withoutHeaders: {x-user: null, x-b: {}, x-c: {regex: '*'}}", []),
    ("withoutHeaders: {x-user: {regex: '?'}}", ["error withoutHeaders.x-user.regex"]),
    ("withoutHeaders: {x-user: {prefix: ''}}", ["error withoutHeaders.x-user.prefix"]),
]

PLACES = [
    ("port: 8080", []),
    ("port: 65536", ["error port"]),
    ("sourceLabels: {app: web}", []),
    ("sourceLabels: {app: '-'}", ["error sourceLabels.app"]),
    ("sourceNamespace: web", []),
    ("sourceNamespace: a.b", ["error sourceNamespace"]),
    ("gateways: [infra/public]", []),
    ("gateways: ['infra/']", ["error gateways[0]"]),
    ("{gateways: [mesh], sourceLabels: {app: web}}", ["warning sourceLabels"]),
    ("{gateways: [mesh], sourceNamespace: web}", ["warning sourceNamespace"]),
]


def judge(match: str) -> list[str]:
    block = match if match.startswith("{") else f"{{{match}}}"
    return [finding.replace("match[0].", "") for finding in http_rule(f"match: [{block}]")]


@pytest.mark.parametrize(("match", "expected"), TEXTS)
def test_texts_are_compared_with_a_text(match: str, expected: list[str]) -> None:
    assert judge(match) == expected


@pytest.mark.parametrize(("match", "expected"), HEADERS)
def test_headers_have_names_and_may_ask_for_presence(match: str, expected: list[str]) -> None:
    assert judge(match) == expected


@pytest.mark.parametrize(("match", "expected"), PLACES)
def test_a_match_can_be_limited_to_ports_proxies_and_gateways(match: str, expected: list[str]) -> None:
    assert judge(match) == expected


@pytest.mark.parametrize("field", ["headers", "withoutHeaders"])
@pytest.mark.parametrize("gateways", ["[]", "[mesh]", "[infra/public, mesh]"])
def test_claims_can_be_compared_only_at_gateways(field: str, gateways: str) -> None:
    match = f"{{{field}: {{'@request.auth.claims.sub': {{exact: a}}}}}}"
    rule = f"{{match: [{match}], route: [{{destination: {{host: cart}}}}]}}"
    expected = [f"error spec.http[0].match[0].{field}.@request.auth.claims.sub"]
    assert virtual_service(f"{{gateways: {gateways}, http: [{rule}]}}") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@request.auth.claims.a", True),
        ("@Request.Auth.Claims.a.b", True),
        ("@request.auth.claims[a.b/c][d]", True),
        ("@request.auth.claims", False),
        ("@request.auth.claims.", False),
        ("@request.auth.claims[a", False),
        ("@request.auth.claimsa", False),
        ("x-user", False),
    ],
)
def test_a_claim_is_named_with_dots_or_brackets(name: str, *, expected: bool) -> None:
    assert is_claim(name) is expected
