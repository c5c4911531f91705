"""The webhook over real TLS."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from tests.unit.webhook.test_review import BAD, request, virtual_service

from lateen.certificates.authority import Usage, create_authority, issue
from lateen.certificates.stored import Bearer
from lateen.errors import InputError
from lateen.validation.intake import Intake
from lateen.webhook.server import PATH, build_webhook, serving_webhook

DAY = 86_400.0


class Shown:
    """A certificate that a test replaces; TLS looks at the real clock."""

    def __init__(self) -> None:
        """Begin with the first."""
        self.authority = create_authority(time.time(), 3 * DAY)
        self.bearer = self._issue()
        self._listeners: list[Callable[[], None]] = []

    def _issue(self) -> Bearer:
        usages, names = [Usage.SERVER], ["localhost"]
        pair = issue(self.authority, now=time.time(), lifetime=DAY, usages=usages, dns_names=names)
        return Bearer(pair, self.authority.certificate.pem)

    def replace(self, bearer: Bearer | None = None) -> None:
        self.bearer = bearer or self._issue()
        for listener in self._listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.authority.certificate.pem.decode())


@asynccontextmanager
async def serving(shown: Shown) -> AsyncIterator[int]:
    async with serving_webhook(build_webhook(Intake()), shown, "127.0.0.1", 0) as port:
        yield port


async def ask(shown: Shown, port: int, asked: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=shown.trust(), trust_env=False) as client:
        return await client.post(f"https://localhost:{port}{PATH}", content=asked)


class Connection:
    """A connection that stays open from question to question."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep both ends; use `open`."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, shown: Shown, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=shown.trust(), server_hostname="localhost"))

    def certificate(self) -> bytes:
        found: bytes = self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found

    async def ask(self) -> str:
        self._writer.write(f"GET {PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return head.partition(b"\r\n")[0].decode()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def test_objects_are_judged() -> None:
    shown = Shown()
    async with serving(shown) as port:
        good = await ask(shown, port, json.dumps(request(virtual_service())))
        bad = await ask(shown, port, json.dumps(request(virtual_service(BAD))))
    assert (good.json()["response"]["allowed"], bad.json()["response"]["allowed"]) == (True, False)


@pytest.mark.parametrize("asked", ["{", "{}", "[]", b"\xff"])
async def test_what_is_no_review_is_an_error_of_who_asks(asked: str | bytes) -> None:
    shown = Shown()
    async with serving(shown) as port:
        assert (await ask(shown, port, asked)).status_code == 400


async def test_a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on() -> None:
    shown = Shown()
    async with serving(shown) as port:
        first = await Connection.open(shown, port)
        assert (await first.ask()).startswith("HTTP/1.1 405")
        shown.replace()
        seen = first.certificate()
        while seen == first.certificate():
            later = await Connection.open(shown, port)
            seen = later.certificate()
            await later.close()
        assert ssl.DER_cert_to_PEM_cert(seen).encode() == shown.bearer.pair.certificate.pem
        assert (await first.ask()).startswith("HTTP/1.1 405")
        await first.close()


async def test_a_certificate_that_cannot_be_used_leaves_the_last_one_in_use() -> None:
    shown = Shown()
    broken = Bearer(replace(shown.bearer.pair, key=b"no key"), b"")
    good = shown.bearer
    async with serving(shown) as port:
        with capture_logs() as logs:
            shown.replace(broken)
            while not logs:
                connection = await Connection.open(shown, port)
                await connection.close()
        shown.bearer = good
        assert (await ask(shown, port, "{}")).status_code == 400


async def test_a_port_that_cannot_be_had_is_reported() -> None:
    shown = Shown()
    async with serving(shown) as port:
        with pytest.raises(InputError, match=f"127.0.0.1:{port}: Address already in use"):
            async with serving_webhook(build_webhook(Intake()), shown, "127.0.0.1", port):
                raise AssertionError("must not be entered")
