"""How long a change takes on a cluster, from the API server to the answers of all proxies: figures, no verdict."""

import http.client
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import httpx
import pytest
from tests.bench.figures import Figure, of_many, table
from tests.e2e.cluster import Doors
from tests.e2e.commands import ROOT
from tests.e2e.kubernetes import Namespace, replace
from tests.e2e.scene import host_of, routes, to
from tests.e2e.traffic import Door

OUTPUT = ROOT / "out" / "e2e" / "figures.json"
CHANGES = 40
CONNECTIONS = 6
"""They go to the proxies by chance; that one gets none of six is rare."""


@contextmanager
def api_server() -> Iterator[httpx.Client]:
    """A connection to the API server that is kept, as a controller has it."""
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - kubectl of our own tests
        try:
            assert process.stdout is not None
            found = re.search(r"[\d.]+:\d+", process.stdout.readline())
            assert found
            with httpx.Client(base_url=f"http://{found[0]}", timeout=30.0) as client:
                yield client
        finally:
            process.terminate()


class Client:
    """A connection to one proxy that is kept."""

    def __init__(self, door: Door, host: str) -> None:
        """Connect at the first request."""
        self._connection = http.client.HTTPConnection(door.address, door.port, timeout=10)
        self._host = host

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def version(self) -> str | None:
        """Ask who answers."""
        self._connection.request("GET", "/", headers={"host": self._host})
        with self._connection.getresponse() as answer:
            answer.read()
            return answer.getheader("x-version")


def seconds_until_all_answer(clients: list[Client], version: str, begun: float) -> tuple[float, float]:
    """Ask in turn until all have changed; when the first one had, and the last one."""
    waiting = list(clients)
    first = 0.0
    while waiting:
        assert time.monotonic() < begun + 10, f"{len(waiting)} of {len(clients)} connections do not see {version}"
        waiting = [client for client in waiting if client.version() != version]
        if len(waiting) < len(clients) and not first:
            first = time.monotonic() - begun
    return first, time.monotonic() - begun


def test_a_change_takes_a_moment(doors: Doors, shop: Namespace, capfd: pytest.CaptureFixture[str]) -> None:
    shop.apply(routes("figures", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/figures")
    path = f"/apis/networking.istio.io/v1/namespaces/{shop.name}/virtualservices/figures"
    clients = [Client(doors.http, host_of("figures")) for _ in range(CONNECTIONS)]
    measured = []
    with api_server() as server:
        for number in range(CHANGES):
            version = ("v2", "v1")[number % 2]
            begun = time.monotonic()
            patch = json.dumps([replace("/spec/http/0/route/0/destination/subset", version)])
            answer = server.patch(path, content=patch, headers={"content-type": "application/json-patch+json"})
            answer.raise_for_status()
            measured.append(seconds_until_all_answer(clients, version, begun))
    for client in clients:
        client.close()
    what = "a VirtualService patched → answered the new way by"
    how = f"kind, two operators, two proxies; {CONNECTIONS} kept connections, asked in turn"
    figures: list[Figure] = [
        of_many(f"{what} the first proxy", [first for first, _ in measured], "ms", scale=1000, target=60, how=how),
        of_many(f"{what} all proxies", [last for _, last in measured], "ms", scale=1000, how=how),
    ]
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    with capfd.disabled():
        print(f"\n{table(figures)}", flush=True)  # noqa: T201 - what this is for
