"""What an HTTP rule may do to a request: a snippet of one block, and what is found where."""

import base64

import pytest
from tests.unit.validation.judging import http_rule

from lateen.model.objects import Severity
from lateen.model.routeaction import DirectResponseSpec, ResponseBody
from lateen.validation.routeaction import GRPC_STATUSES, RETRY_CONDITIONS, check_direct_response, decode_base64

REWRITES = [
    ("{uri: /new}", []),
    ("{authority: a.example.com}", []),
    ("{uriRegexRewrite: {match: '/(a)/(b)', rewrite: '/\\2/\\1'}}", []),
    ("{}", ["error rewrite"]),
    ("{uri: '', authority: ''}", ["error rewrite"]),
    ("{uri: /, uriRegexRewrite: {match: a, rewrite: b}}", ["error rewrite.uriRegexRewrite"]),
    ("{uriRegexRewrite: {rewrite: b}}", ["error rewrite.uriRegexRewrite.match"]),
    ("{uriRegexRewrite: {match: a}}", ["error rewrite.uriRegexRewrite.rewrite"]),
    ("{uriRegexRewrite: {match: '(', rewrite: b}}", ["error rewrite.uriRegexRewrite.match"]),
]

REDIRECTS = [
    ("{uri: /new}", []),
    ("{authority: a.example.com}", []),
    ("{scheme: https, redirectCode: 308}", []),
    ("{port: 8080}", []),
    ("{derivePort: FROM_REQUEST_PORT}", []),
    ("{prefixRewrite: /new}", []),
    ("{}", ["error redirect"]),
    ("{redirectCode: 302}", ["error redirect"]),
    ("{uri: ''}", ["error redirect"]),
    ("{uri: /new, prefixRewrite: /new}", ["error redirect.prefixRewrite"]),
    ("{port: 80, derivePort: FROM_REQUEST_PORT}", ["error redirect.derivePort"]),
    ("{derivePort: SOMEWHERE}", ["error redirect.derivePort"]),
    ("{uri: /new, redirectCode: 299}", ["error redirect.redirectCode"]),
    ("{uri: /new, redirectCode: 400}", ["error redirect.redirectCode"]),
    ("{scheme: ftp}", ["error redirect.scheme"]),
    ("{port: 65536}", ["error redirect.port"]),
]

RESPONSES = [
    ("{status: 200}", []),
    ("{status: 503, body: {string: sorry}}", []),
    ("{status: 200, body: {bytes: c29ycnk=}}", []),
    ("{}", ["error directResponse.status"]),
    ("{status: 199}", ["error directResponse.status"]),
    ("{status: 601}", ["error directResponse.status"]),
    ("{status: 200, body: {bytes: '!'}}", ["error directResponse.body.bytes"]),
    ("{status: 200, body: {string: a, bytes: YQ==}}", ["error directResponse.body"]),
]

KIB = 1024

SIZES = [
    (100 * KIB, []),
    (100 * KIB + 1, [Severity.WARNING]),
    (KIB * KIB, [Severity.WARNING]),
    (KIB * KIB + 1, [Severity.ERROR]),
]

RETRIES = [
    ("{}", []),
    ("{attempts: 0}", []),
    ("{attempts: 3, perTryTimeout: 2s, backoff: 25ms}", []),
    ("{attempts: 3, retryOn: '5xx,503,reset'}", []),
    ("{attempts: -1}", ["error retries.attempts"]),
    ("{retryOn: 5xx}", ["error retries.attempts"]),
    ("{attempts: 0, perTryTimeout: 2s}", ["error retries.attempts"]),
    ("{attempts: 0, retryRemoteLocalities: false}", ["error retries.attempts"]),
    ("{attempts: 0, backoff: 1s}", ["warning retries.backoff"]),
    ("{attempts: 0, retryIgnorePreviousHosts: true}", ["warning retries.retryIgnorePreviousHosts"]),
    ("{attempts: 3, retryOn: '503, 504'}", ["error retries.retryOn"]),
    ("{attempts: 3, retryOn: '5xx,'}", ["error retries.retryOn"]),
    ("{attempts: 3, retryOn: '599'}", ["error retries.retryOn"]),
    ("{attempts: 3, retryOn: sometimes}", ["error retries.retryOn"]),
    ("{attempts: 3, retryOn: retriable-headers}", ["warning retries.retryOn"]),
    ("{attempts: 3, perTryTimeout: 10us}", ["error retries.perTryTimeout"]),
    ("{attempts: 3, backoff: 10us}", ["error retries.backoff"]),
]

FAULTS = [
    ("{delay: {fixedDelay: 1s, percentage: {value: 0.1}}}", []),
    ("{abort: {httpStatus: 503, percentage: {value: 100}}}", []),
    ("{abort: {grpcStatus: UNAVAILABLE, percentage: {value: 0}}}", []),
    ("{}", ["error fault"]),
    ("{delay: {fixedDelay: 1us, percentage: {value: 1}}}", ["error fault.delay.fixedDelay"]),
    ("{delay: {fixedDelay: 1s, percentage: {value: 101}}}", ["error fault.delay.percentage.value"]),
    ("{delay: {fixedDelay: 1s, percentage: {value: 0.00001}}}", ["error fault.delay.percentage.value"]),
    ("{delay: {exponentialDelay: 1s, percentage: {value: 1}}}", ["error fault.delay.exponentialDelay"]),
    ("{delay: {percentage: {value: 1}}}", ["warning fault.delay"]),
    ("{delay: {fixedDelay: 1s}}", ["warning fault.delay"]),
    ("{delay: {fixedDelay: 1s, percent: 10}}", ["info fault.delay.percent"]),
    ("{delay: {fixedDelay: 1s, percent: 110}}", ["info fault.delay.percent", "warning fault.delay.percent"]),
    ("{delay: {fixedDelay: 1s, percent: 10, percentage: {value: 1}}}", ["warning fault.delay.percent"]),
    ("{abort: {httpStatus: 503}}", ["warning fault.abort"]),
    ("{abort: {percentage: {value: 1}}}", ["warning fault.abort"]),
    ("{abort: {httpStatus: 199, percentage: {value: 1}}}", ["error fault.abort.httpStatus"]),
    ("{abort: {grpcStatus: nope, percentage: {value: 1}}}", ["error fault.abort.grpcStatus"]),
    ("{abort: {grpcStatus: '14', percentage: {value: 1}}}", ["error fault.abort.grpcStatus"]),
    ("{abort: {http2Error: REFUSED, percentage: {value: 1}}}", ["error fault.abort.http2Error"]),
    ("{abort: {httpStatus: 503, percentage: {value: -1}}}", ["error fault.abort.percentage.value"]),
    ("{abort: {httpStatus: 503, grpcStatus: OK, percentage: {value: 1}}}", ["error fault.abort.grpcStatus"]),
]

CORS = [
    ("{allowOrigins: [{exact: 'https://a'}, {regex: '.*'}], allowMethods: [GET, '*'], maxAge: 24h}", []),
    ("{allowHeaders: [x-a, '*'], exposeHeaders: [x-b], allowCredentials: true}", []),
    ("{unmatchedPreflights: IGNORE}", []),
    ("{allowOrigin: ['*']}", ["info corsPolicy.allowOrigin"]),
    ("{allowOrigin: ['*'], allowOrigins: [{exact: a}]}", ["warning corsPolicy.allowOrigin"]),
    ("{allowOrigins: [{}]}", ["error corsPolicy.allowOrigins[0]"]),
    ("{allowOrigins: [{prefix: ''}]}", ["error corsPolicy.allowOrigins[0]"]),
    ("{allowOrigins: [{regex: '*'}]}", ["error corsPolicy.allowOrigins[0].regex"]),
    ("{allowMethods: [get]}", ["error corsPolicy.allowMethods[0]"]),
    ("{allowHeaders: ['a b']}", ["error corsPolicy.allowHeaders[0]"]),
    ("{exposeHeaders: ['']}", ["error corsPolicy.exposeHeaders[0]"]),
    ("{maxAge: 1500ms}", ["error corsPolicy.maxAge"]),
    ("{maxAge: 0s}", ["error corsPolicy.maxAge"]),
    ("{unmatchedPreflights: MAYBE}", ["error corsPolicy.unmatchedPreflights"]),
]


@pytest.mark.parametrize(("block", "expected"), REWRITES)
def test_a_rewrite_changes_the_path_in_one_way_or_the_host(block: str, expected: list[str]) -> None:
    assert http_rule(f"rewrite: {block}") == expected


@pytest.mark.parametrize(("block", "expected"), REDIRECTS)
def test_a_redirect_leads_somewhere(block: str, expected: list[str]) -> None:
    assert http_rule(f"{{route: [], redirect: {block}}}") == expected


@pytest.mark.parametrize(
    ("uri", "expected"), [("prefix", []), ("exact", ["error match[0].uri"]), ("regex", ["error match[0].uri"])]
)
def test_a_redirect_can_replace_only_a_prefix_by_another(uri: str, expected: list[str]) -> None:
    assert http_rule(f"{{route: [], match: [{{uri: {{{uri}: /old}}}}], redirect: {{prefixRewrite: /new}}}}") == expected


@pytest.mark.parametrize(("block", "expected"), RESPONSES)
def test_a_direct_response_has_a_status_and_a_small_body(block: str, expected: list[str]) -> None:
    assert http_rule(f"{{route: [], directResponse: {block}}}") == expected


@pytest.mark.parametrize(("size", "expected"), SIZES)
def test_a_large_body_is_a_burden_and_a_huge_one_impossible(size: int, expected: list[Severity]) -> None:
    text = ResponseBody(string="a" * size)
    data = ResponseBody(bytes=base64.b64encode(b"a" * size).decode())
    for body in (text, data):
        found = check_direct_response(DirectResponseSpec(status=200, body=body))
        assert [problem.severity for problem in found] == expected


@pytest.mark.parametrize(("block", "expected"), RETRIES)
def test_retries_name_known_conditions(block: str, expected: list[str]) -> None:
    assert http_rule(f"retries: {block}") == expected


@pytest.mark.parametrize("condition", sorted(RETRY_CONDITIONS - {"retriable-headers"}))
def test_every_condition_of_the_proxy_can_be_retried_on(condition: str) -> None:
    assert http_rule(f"retries: {{attempts: 1, retryOn: '{condition}'}}") == []


@pytest.mark.parametrize(("block", "expected"), FAULTS)
def test_a_fault_does_something_to_a_share_of_requests(block: str, expected: list[str]) -> None:
    assert http_rule(f"fault: {block}") == expected


@pytest.mark.parametrize("status", GRPC_STATUSES)
def test_every_grpc_status_can_be_injected(status: str) -> None:
    assert http_rule(f"fault: {{abort: {{grpcStatus: {status}, percentage: {{value: 1}}}}}}") == []


@pytest.mark.parametrize(("block", "expected"), CORS)
def test_a_cors_policy_lists_origins_methods_and_headers(block: str, expected: list[str]) -> None:
    assert http_rule(f"corsPolicy: {block}") == expected


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", ["", "="])
def test_base64_is_read_in_both_alphabets_with_and_without_padding(encode: object, padding: str) -> None:
    data = bytes(range(250, 256)) + b"x"
    assert callable(encode)
    text = encode(data).decode().rstrip("=") + padding * 2
    assert decode_base64(text) == data
