"""An API server that has nothing but pods, whose ports are ports of this machine.

A real one without nodes can forward nothing. This one runs in a thread with a loop of its own, because commands
have theirs.
"""

import asyncio
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import WSMsgType, web

_LABELS: Final = "app.kubernetes.io/name=lateen,app.kubernetes.io/component=operator"
_PROTOCOL: Final = "v4.channel.k8s.io"


@dataclass
class Pods:
    """What is there."""

    ports: Mapping[str, int]
    """For each pod the port of this machine that all its ports lead to."""
    forbidden: bool = False
    """Whether forwarding is not allowed."""
    asked: list[str] = field(default_factory=list)
    """Paths that were asked for."""


@contextmanager
def serving_pods(pods: Pods, directory: Path) -> Iterator[str]:
    """Serve until the block ends; gives the path of a kubeconfig."""
    ready = threading.Event()
    started: list[tuple[asyncio.AbstractEventLoop, Callable[[], None], int]] = []

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/api/v1/pods", partial(_list, pods))
        app.router.add_get("/api/v1/namespaces/{namespace}/pods", partial(_list, pods))
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}/portforward", partial(_forward, pods))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        over = asyncio.Event()
        started.append((asyncio.get_running_loop(), over.set, runner.addresses[0][1]))
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert ready.wait(30)
        yield str(_write_kubeconfig(directory / "kubeconfig", started[0][2]))
    finally:
        for loop, end, _ in started:
            loop.call_soon_threadsafe(end)
        thread.join()


def _write_kubeconfig(file: Path, port: int) -> Path:
    content = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "token"}}],
    }
    file.write_text(json.dumps(content))
    return file


async def _list(pods: Pods, request: web.Request) -> web.Response:
    assert request.query["labelSelector"] == _LABELS
    pods.asked.append(request.path)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    items = [{"metadata": {"namespace": "lateen-system", "name": name}, "status": ready} for name in pods.ports]
    return web.json_response({"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": items})


async def _forward(pods: Pods, request: web.Request) -> web.StreamResponse:
    pods.asked.append(request.path_qs)
    if pods.forbidden:
        status = {"reason": "Forbidden", "message": 'User "u" cannot create resource "pods/portforward"'}
        return web.json_response(status, status=403)
    remote = web.WebSocketResponse(protocols=(_PROTOCOL,))
    await remote.prepare(request)
    for channel in (b"\x00", b"\x01"):
        await remote.send_bytes(channel + struct.pack("<H", int(request.query["ports"])))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", pods.ports[request.match_info["pod"]])
    except OSError:
        await remote.send_bytes(b"\x01connection refused")
        return remote
    sending = asyncio.create_task(_carry(reader, remote))
    async for message in remote:
        assert message.type is WSMsgType.BINARY
        writer.write(message.data[1:])
    sending.cancel()
    writer.close()
    return remote


async def _carry(reader: asyncio.StreamReader, remote: Any) -> None:
    while data := await reader.read(1 << 16):
        await remote.send_bytes(b"\x00" + data)
