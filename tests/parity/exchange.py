"""Sending the requests of one call, and judging what came back and what the backends saw."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import httpx
from tests.integration.traffic.backend import Backend

Expect: TypeAlias = Mapping[str, Any]
Call: TypeAlias = Mapping[str, Any]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_MIRROR_SECONDS: Final = 1.0
"""How long copies may take that nobody waits for."""

_OF_ONE: Final = (
    "error",
    "status",
    "status_not",
    "any_of",
    "response_headers",
    "upstream_request_headers",
    "upstream_host",
    "upstream_url",
    "upstream_protocol",
    "upstream_service",
)
_OF_ALL: Final = (
    "same_upstream_hostname",
    "upstream_share",
    "mirrored_to",
    "mirrored_percent",
    "mirrored_percent_tolerance",
)
_PLAIN: Final[Mapping[str, Any]] = {
    "scheme": "http",
    "tls": None,
    "before": None,
    "message": None,
    "proxy_protocol_version": None,
}
"""What a call may be like to be judged."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back on one request."""

    status: int = 0
    headers: Mapping[str, str] | None = None
    echo: Mapping[str, Any] | None = None
    """The request as the backend saw it; None: the proxy itself answered."""
    error: str = ""
    """Why nothing came back."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one call led to."""

    answers: Sequence[Answer]
    copies: Mapping[str, int]
    """Requests that each service saw."""


def unjudged(call: Call) -> Iterator[str]:
    """What a call asks for that is not judged here."""
    for name, plain in _PLAIN.items():
        if call.get(name) not in (plain, None, False, {}):
            yield f"a call with {name}"
    for name in call["expect"]:
        if name not in _OF_ONE and name not in _OF_ALL:
            yield f"expectation {name}"
    if call["expect"].get("mirrored_to") == "external":
        yield "a mirror outside of the cluster"


def is_statistical(expect: Expect) -> bool:
    """Whether chance has a say."""
    return bool(expect.get("upstream_share") or 0 < expect.get("mirrored_percent", 0) < 100)


async def exchange(port: int, call: Call, backends: Mapping[str, Sequence[Backend]]) -> Exchange:
    """Send the requests of a call to a port of this machine."""
    before = _seen(backends)
    version2 = call["http_version"] == "HTTP/2"
    timeout = httpx.Timeout(10.0)
    async with httpx.AsyncClient(http1=not version2, http2=version2, trust_env=False, timeout=timeout) as client:
        answers = [await _send(client, port, call) for _ in range(call["count"])]
    expect = call["expect"]
    if "mirrored_to" in expect:
        name = expect["mirrored_to"]
        least = expect["mirrored_percent"] - expect.get("mirrored_percent_tolerance", 0)
        await _wait_for_copies(backends[name], before[name] + max(1, call["count"] * least / 100))
    return Exchange(answers, _seen(backends) - before)


def _seen(backends: Mapping[str, Sequence[Backend]]) -> Counter[str]:
    return Counter({name: sum(each.requests for each in group) for name, group in backends.items()})


async def _wait_for_copies(group: Sequence[Backend], wanted: float) -> None:
    """Wait until so many requests have arrived; where none may, as long as one would take."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_MIRROR_SECONDS):
            while sum(each.requests for each in group) < wanted:  # noqa: ASYNC110 - any of the group may get it
                await asyncio.sleep(0.01)


async def _send(client: httpx.AsyncClient, port: int, call: Call) -> Answer:
    """Send one request and follow redirects where the call says so, as a browser would."""
    host, target = call["host_header"], call["path"].partition("#")[0]
    answer = Answer()
    for _ in range(_MOST_REDIRECTS if call.get("follow_redirects") else 1):
        answer = await _send_once(client, port, call, host, target)
        if answer.status not in _REDIRECTS or not call.get("follow_redirects"):
            break
        location = urlsplit((answer.headers or {}).get("location", ""))
        host = location.hostname or host
        target = location.path + (f"?{location.query}" if location.query else "")
    return answer


async def _send_once(client: httpx.AsyncClient, port: int, call: Call, host: str, target: str) -> Answer:
    headers = [("host", host)]
    headers += [(name, value) for name, values in (call.get("headers") or {}).items() for value in values]
    url = httpx.URL(scheme="http", host="127.0.0.1", port=port, raw_path=target.encode())
    try:
        response = await client.request(call["method"], url, headers=headers)
    except httpx.TransportError as error:
        return Answer(error=f"{type(error).__name__}: {error}")
    echo = json.loads(response.content) if "x-backend" in response.headers else None
    return Answer(response.status_code, dict(response.headers), echo)


def differences_of(expect: Expect, happened: Exchange) -> list[str]:
    """What is not as expected, over all requests of a call."""
    wrong = [each for answer in happened.answers for each in _wrong_answer(expect, answer)]
    names = Counter((answer.echo or {}).get("backend", "nobody") for answer in happened.answers)
    if expect.get("same_upstream_hostname") and len(names) > 1:
        wrong.append(f"one backend is expected, got {dict(names)}")
    share = expect.get("upstream_share") or {"by_hostname_prefix": {}, "of_count": 0, "tolerance": 0}
    bound = share["of_count"] * share["tolerance"] / 100
    for name, percent in share["by_hostname_prefix"].items():
        if abs(names[name] - share["of_count"] * percent / 100) > bound:
            wrong.append(f"{percent} % for {name} are expected, got {dict(names)}")
    if "mirrored_to" in expect:
        wrong += _wrong_copies(expect, happened)
    return wrong


def _wrong_copies(expect: Expect, happened: Exchange) -> Iterator[str]:
    count = len(happened.answers)
    got = 100 * happened.copies.get(expect["mirrored_to"], 0) / count
    if abs(got - expect["mirrored_percent"]) > expect.get("mirrored_percent_tolerance", 0):
        yield f"{expect['mirrored_percent']} % of copies are expected, got {got:.0f} %"


def _wrong_answer(expect: Expect, answer: Answer) -> Iterator[str]:
    if expect.get("error") is not None and bool(answer.error) != expect["error"]:
        yield f"error {expect['error']} is expected, got {answer.error!r}"
    if "any_of" in expect:
        each = [list(_wrong_answer(one, answer)) for one in expect["any_of"]]
        if all(each):
            yield f"one of these is expected: {each}"
    if "status" in expect and answer.status != expect["status"]:
        yield f"status {expect['status']} is expected, got {answer.status or answer.error}"
    if "status_not" in expect and answer.status == expect["status_not"]:
        yield f"another status than {answer.status} is expected"
    yield from _wrong_headers("response", expect.get("response_headers"), answer.headers or {})
    echo = answer.echo or {}
    headers = echo.get("headers", {})
    yield from _wrong_headers("request", expect.get("upstream_request_headers"), headers)
    seen = {
        "upstream_host": headers.get("host"),
        "upstream_url": echo.get("target"),
        "upstream_protocol": echo.get("protocol"),
        "upstream_service": echo.get("backend"),
    }
    for name, got in seen.items():
        if name in expect and expect[name] != got:
            yield f"{name} {expect[name]!r} is expected, got {got!r}"


def _wrong_headers(where: str, wanted: Mapping[str, str] | None, got: Mapping[str, str]) -> Iterator[str]:
    """An empty value means that the header has to be absent."""
    for name, value in (wanted or {}).items():
        found = got.get(name.lower(), "")
        if found != value:
            yield f"{where} header {name}: {value!r} is expected, got {found!r}"
