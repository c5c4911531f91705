"""Requests through the proxy, counted by who answered."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

_TIMEOUT: Final = 5.0
_CLIENTS: Final = 8
"""Requests that are under way at a time, where many are sent."""
_PAUSE: Final = 0.01
"""Seconds before somebody who got no answer can ask again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    backend: str = ""
    """Who answered; empty: the proxy itself, or nobody."""
    version: str = ""


class Traffic:
    """A client of one port of the proxy."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Send through a client; `client_of` makes one."""
        self._http = http

    async def get(self, host: str, path: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request; status 0: there was no answer."""
        try:
            response = await self._http.get(path, headers={"host": host, **(headers or {})})
        except httpx.TransportError:
            await asyncio.sleep(_PAUSE)
            return Answer(0)
        return Answer(
            response.status_code, response.headers.get("x-backend", ""), response.headers.get("x-version", "")
        )

    async def send(
        self, count: int, host: str, path: str = "/", headers: Mapping[str, str] | None = None
    ) -> Counter[Answer]:
        """Send many requests and count the answers."""
        answers: Counter[Answer] = Counter()
        left = iter(range(count))

        async def client() -> None:
            for _ in left:
                answers[await self.get(host, path, headers)] += 1

        async with asyncio.TaskGroup() as clients:
            for _ in range(_CLIENTS):
                clients.create_task(client())
        return answers


@asynccontextmanager
async def client_of(port: int) -> AsyncIterator[Traffic]:
    """Keep connections to a port while the context lasts."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_TIMEOUT, trust_env=False) as http:
        yield Traffic(http)


def by_version(answers: Counter[Answer]) -> dict[str, int]:
    """Count answers by the version that gave them; others by their status."""
    counts: Counter[str] = Counter()
    for answer, number in answers.items():
        counts[answer.version if answer.status == httpx.codes.OK else str(answer.status)] += number
    return dict(counts)


def failures(answers: Counter[Answer]) -> int:
    """Count answers other than 200."""
    return sum(number for answer, number in answers.items() if answer.status != httpx.codes.OK)
