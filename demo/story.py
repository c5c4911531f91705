"""The acts of the demo, in order. Each shows what happens, and fails the demo when it does not."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from demo.backends import Backend
from demo.files import CANARY, EXAMPLES, ROUTING, Directory
from demo.instance import Instance
from demo.stage import DemoError, Stage
from demo.traffic import Answer, Traffic, by_version, failures

HOST: Final = "api.example.com"
MESH_HOST: Final = "user-service"

_REQUESTS: Final = 1000
_SIGMAS: Final = 5
"""Chance leaves this many standard deviations once in two million runs."""
_PATIENCE: Final = 30.0
"""Seconds to wait for something to show in the answers."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that takes part."""

    stage: Stage
    directory: Directory
    instance: Instance
    users: tuple[Backend, ...]
    posts: tuple[Backend, ...]
    gateway: Traffic
    mesh: Traffic
    gateway_port: int
    mesh_port: int


async def tell(cast: Cast, launched: float) -> None:
    """Run all acts; `launched` is when `lateen up` was started.

    Raises:
        DemoError: an expectation did not hold.
    """
    await _start(cast, launched)
    await _routing(cast)
    await _canary(cast)
    await _header(cast)
    await _ejection(cast)
    await _broken_files(cast)
    await _going_live(cast)


async def _start(cast: Cast, launched: float) -> None:
    answer = await _until(cast, lambda answer: answer.status == 200, "a routed answer")
    seconds = time.monotonic() - launched
    await cast.instance.until_live(0)
    await _until(cast, lambda answer: answer.status == 200, "an answer of the mesh port", mesh=True)
    same = all(
        cast.directory.read(name) == (EXAMPLES / original).read_text()
        for name, original in ((ROUTING, "api-gateway/routing.yaml"), (CANARY, "canary/user-service.yaml"))
    )
    cast.stage.expect(same, f"{ROUTING} and {CANARY} are those of examples/, unchanged", "they differ")
    cast.stage.expect(
        answer.status == 200,
        f"first routed 200 after {seconds:.2f} s, Python and Envoy started included",
        "none came",
    )


async def _routing(cast: Cast) -> None:
    cast.stage.act("Routing", f"Gateway api-gateway listens on http://127.0.0.1:{cast.gateway_port}")
    for host, path, service in (
        (HOST, "/users", "users"),
        (HOST, "/users/42?full=yes", "users"),
        (HOST, "/posts", "posts"),
        (HOST, "/", ""),
        (HOST, "/orders", ""),
        ("other.example.com", "/users", ""),
    ):
        answer = await cast.gateway.get(host, path)
        name, _, _ = answer.backend.partition("-")
        wanted = f"200 from {service}-…" if service else "404 from the proxy"
        cast.stage.expect(
            (answer.status, name) == ((200, service) if service else (404, "")),
            f"{host + path:<34} → {answer.status} {answer.backend}".rstrip(),
            f"not {wanted}",
        )
    answers = await cast.gateway.send(90, HOST, "/users")
    counts = Counter({answer.backend: number for answer, number in answers.items()})
    shown = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
    fair = _within(counts, {backend.name: 1 / len(cast.users) for backend in cast.users})
    cast.stage.expect(fair, f"ROUND_ROBIN of 90 requests: {shown}", f"got {shown}")


async def _canary(cast: Cast) -> None:
    stage = cast.stage
    stage.act("Canary, service to service", f"http://127.0.0.1:{cast.mesh_port} routes by Host: {MESH_HOST}")
    await _split(cast, "90/10", {"v1": 0.9, "v2": 0.1}, await cast.mesh.send(_REQUESTS, MESH_HOST))
    said = len(cast.instance.lines)
    shifting = asyncio.create_task(cast.mesh.send(_REQUESTS, MESH_HOST))
    cast.directory.replace(CANARY, ("weight: 90", "weight: 50"), ("weight: 10", "weight: 50"))
    took = await cast.instance.until_live(said)
    stage.say(f"{CANARY} now says 50/50; acknowledged by Envoy in {took}, while requests went on")
    meanwhile = await shifting
    await _split(cast, "50/50", {"v1": 0.5, "v2": 0.5}, await cast.mesh.send(_REQUESTS, MESH_HOST))
    lost = failures(meanwhile)
    stage.expect(lost == 0, f"none of the {_REQUESTS:,} requests sent during the change failed", f"{lost} did")


async def _split(cast: Cast, name: str, shares: dict[str, float], answers: Counter[Answer]) -> None:
    counts = by_version(answers)
    cast.stage.show_shares(counts)
    slack = _SIGMAS * max(_deviation(_REQUESTS, share) for share in shares.values()) / _REQUESTS
    cast.stage.expect(
        _within(Counter(counts), shares),
        f"{_REQUESTS:,} requests split {name}, give or take {100 * slack:.1f} % for chance",
        f"got {counts}",
    )


async def _header(cast: Cast) -> None:
    cast.stage.act("A header decides first", "match: headers: version: exact: v2")
    with_header = by_version(await cast.mesh.send(100, MESH_HOST, headers={"version": "v2"}))
    cast.stage.expect(
        with_header == {"v2": 100}, "100 of 100 requests with `version: v2` reach v2", f"got {with_header}"
    )
    other = by_version(await cast.mesh.send(100, MESH_HOST, headers={"version": "v3"}))
    cast.stage.expect(set(other) == {"v1", "v2"}, "`version: v3` is split like all others", f"got {other}")


async def _ejection(cast: Cast) -> None:
    stage, bad = cast.stage, cast.posts[0]
    stage.act(
        "A failing backend is ejected, and returns",
        "post-service gets a DestinationRule of its own: circuitBreaker with 3 errors, interval 1s,",
        "baseEjectionTime 3s; with the example's 30s and 30s this would take a minute.",
    )
    said = len(cast.instance.lines)
    cast.directory.write_ejection()
    stage.say(f"rule acknowledged in {await cast.instance.until_live(said)}")
    healthy = await cast.gateway.send(90, HOST, "/posts")
    names = {answer.backend for answer in healthy}
    stage.expect(
        failures(healthy) == 0 and len(names) == len(cast.posts), f"{', '.join(sorted(names))} answer in turn", "no"
    )
    bad.status = 503
    stage.say(f"{bad.name} answers 503 from now on")
    errors, served, ejected = 0, 0, 0.0
    while served < 40 and errors < 20:
        if (await cast.gateway.get(HOST, "/posts")).status == 200:
            served += 1
        else:
            errors, served, ejected = errors + 1, 0, time.monotonic()
    stage.expect(
        3 <= errors <= 6, f"after {errors} errors it is ejected: 40 requests in a row succeed", f"{errors} errors"
    )
    others = await cast.gateway.send(100, HOST, "/posts")
    stage.expect(
        failures(others) == 0 and bad.name not in {answer.backend for answer in others},
        f"100 more requests: none fails, none reaches {bad.name}",
        f"{failures(others)} failed",
    )
    bad.status = 200
    stage.say(f"{bad.name} is well again, but its time is not over")
    await _until(cast, lambda answer: answer.backend == bad.name, f"{bad.name} again", "/posts")
    away = time.monotonic() - ejected
    stage.expect(
        2.5 <= away <= 8, f"it is back after {away:.1f} s (3 s, looked at every second)", f"it took {away:.1f} s"
    )


async def _broken_files(cast: Cast) -> None:
    stage = cast.stage
    stage.act("What breaks changes nothing")
    good = cast.directory.read(ROUTING)
    for what, before, after in (
        ("broken YAML", "hosts:\n    - api.example.com", "hosts: [api.example.com"),
        ("a number that is none", "number: 8080", "number: eighty"),
    ):
        said = len(cast.instance.lines)
        cast.directory.replace(ROUTING, (before, after))
        found = await cast.instance.until_said(rf"{ROUTING}:(\d+)", said)
        answers = await cast.gateway.send(100, HOST, "/users")
        lost = failures(answers)
        stage.expect(
            lost == 0, f"{what}: line {found[1]} is named, 100 requests are served as before", f"{lost} failed"
        )
        said = len(cast.instance.lines)
        cast.directory.write(ROUTING, good)
        await cast.instance.until_said("accepted|no errors any more", said)


async def _going_live(cast: Cast) -> None:
    stage = cast.stage
    stage.act("How long a change takes", "/posts becomes /articles and back, asked for without a pause")
    times = []
    paths = ["/posts", "/articles"]
    for _ in range(6):
        old, new = paths
        began = time.monotonic()
        cast.directory.replace(ROUTING, (f"prefix: {old}", f"prefix: {new}"))
        await _until(cast, lambda answer: answer.status == 200, f"200 for {new}", new)
        times.append(1000 * (time.monotonic() - began))
        gone = await cast.gateway.get(HOST, old)
        if gone.status != 404:
            raise DemoError(f"expected 404 for {old} after the change; got {gone.status}")
        paths.reverse()
    listed = ", ".join(f"{each:.0f}" for each in times)
    stage.expect(
        median(times) < 1000,
        f"file written → first request answered the new way: {listed} ms (median {median(times):.0f} ms)",
        f"it took {listed} ms",
    )


async def _until(
    cast: Cast, wanted: Callable[[Answer], bool], what: str, path: str = "/users", *, mesh: bool = False
) -> Answer:
    """Ask the Gateway, or the mesh port, until an answer is as wanted."""
    traffic, host = (cast.mesh, MESH_HOST) if mesh else (cast.gateway, HOST)
    last = Answer(0)
    try:
        async with asyncio.timeout(_PATIENCE):
            while not wanted(last := await traffic.get(host, path)):
                cast.instance.require_running()
    except TimeoutError as error:
        raise DemoError(f"expected {what} within {_PATIENCE:.0f} s; the last answer was {last}") from error
    return last


def _deviation(total: int, share: float) -> float:
    """Standard deviation of a count."""
    return math.sqrt(total * share * (1 - share))


def _within(counts: Counter[str], shares: dict[str, float]) -> bool:
    """Whether counts are as shares promise, chance allowed for, and nothing else was counted."""
    total = counts.total()
    return counts.keys() == shares.keys() and all(
        abs(counts[name] - total * share) <= _SIGMAS * _deviation(total, share) for name, share in shares.items()
    )
