"""Questions to a running instance, over a real socket."""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.runtime.stage import CART, GATEWAY, ROUTES, SETTINGS, objects

from lateen.errors import InputError
from lateen.infra.memory import MemoryProxyRunner
from lateen.infra.state import InstanceInfo
from lateen.runtime.app import build_intake, running
from lateen.runtime.control_api import build_control_api, serving
from lateen.sources.memory import MemorySource


@asynccontextmanager
async def asking(directory: Path, *texts: str) -> AsyncIterator[httpx.AsyncClient]:
    """Run an instance with some objects, and a client of its socket."""
    socket = directory / "control.sock"
    info = InstanceInfo("default", 7, str(socket), "2026-01-01T00:00:00+00:00", ("shop",))
    async with running(
        SETTINGS,
        source=MemorySource(objects(*texts)),
        intake=build_intake(SETTINGS),
        build_runner=MemoryProxyRunner,
        xds_address="127.0.0.1:0",
        journal=lambda _: None,
    ) as instance:
        app = build_control_api(instance, info, "1.0", lambda origin, _: origin.line)
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        async with serving(app, socket), httpx.AsyncClient(transport=transport, base_url="http://lateen") as client:
            assert stat.S_IMODE(socket.stat().st_mode) == 0o600
            yield client


async def test_status_describes_the_instance(tmp_path: Path) -> None:
    async with asking(tmp_path, GATEWAY, ROUTES) as client:
        report: dict[str, Any] = (await client.get("/v1/status")).json()
    assert report["instance"]["name"] == "default"
    assert report["instance"]["serving"] is False, "no Envoy has connected"
    assert [port["url"] for port in report["listening"]] == ["http://127.0.0.1:10080"]
    assert [(change["number"], change["live_seconds"]) for change in report["changes"]] == [(1, None)]
    assert [(each["kind"], each["line"]) for each in report["objects"]] == [("Gateway", 2), ("VirtualService", 11)]
    assert [(each["code"], each["file"]) for each in report["findings"]] == [("LAT0303", "shop.yaml")]


async def test_resources_are_listed_with_how_far_they_are(tmp_path: Path) -> None:
    async with asking(tmp_path, GATEWAY, ROUTES, CART) as client:
        answer = await client.get("/v1/resources", params={"what": "routes"})
    assert [(each["name"], each["state"]) for each in answer.json()] == [("http.10080/shop.example.com", "pending")]


async def test_a_question_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async with asking(tmp_path) as client:
        answer = await client.get("/v1/resources", params={"what": "rutes"})
        assert (answer.status_code, (await client.post("/v1/status")).status_code) == (400, 405)
    assert answer.text.startswith("what=rutes: one of listeners, ")


async def test_how_an_object_stands_can_be_waited_for(tmp_path: Path) -> None:
    question = {"object": "VirtualService/default/shop", "for": "Programmed"}
    async with asking(tmp_path, GATEWAY, ROUTES, CART) as client:
        answer = (await client.get("/v1/wait", params=question)).json()
        assert answer["verdict"] == "open"
        again = await client.get("/v1/wait", params={**question, "known": answer["message"], "seconds": "0.001"})
        assert again.json() == answer, "nothing new, when the time is over"
        for wrong in ({"object": "shop"}, {"object": "Shop/a/b"}, {"for": "Ready"}, {"seconds": "soon"}):
            assert (await client.get("/v1/wait", params={**question, **wrong})).status_code == 400


async def test_a_socket_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        async with serving(None, tmp_path / "none" / "control.sock"):  # type: ignore[arg-type]  # never asked
            raise AssertionError("must not be entered")
