"""A steady load of requests, each of which has to succeed: a program that needs nothing but Python.

`python3 load.py HOST:PORT --host NAME` keeps one connection for each worker, opens a new one now and then, and
never tries anything twice: what a client would notice is a failure. Standard output is one JSON object a line:
`{"running": …}` once every worker has an answer, `{"certificate": …}` when another one is shown by the TLS server,
each failure as it comes, and a summary after SIGTERM or when
the time is over. The exit status is 0 if nothing failed.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import ssl
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

_PATIENCE = 10.0
"""Seconds for one request, its connection included."""
_FAILURES = 1000
"""Failures after which there is nothing more to learn."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked, and how."""

    address: str
    port: int
    host: str
    path: str = "/"
    headers: tuple[str, ...] = ()
    """`name: value`."""
    tls: ssl.SSLContext | None = None
    connection_requests: int = 40
    """Requests on a connection before the client itself opens another."""

    def request(self) -> bytes:
        """Make the bytes of a request."""
        lines = (f"GET {self.path} HTTP/1.1", f"host: {self.host}", *self.headers, "", "")
        return "\r\n".join(lines).encode()


@dataclass(slots=True)
class Record:
    """What came of it."""

    started: float = field(default_factory=time.monotonic)
    requests: int = 0
    connections: int = 0
    failures: list[dict[str, object]] = field(default_factory=list)
    pods: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    certificates: Counter[str] = field(default_factory=Counter)
    """Serial numbers that were shown to new connections."""
    milliseconds: list[float] = field(default_factory=list)

    def see(self, certificate: str) -> None:
        """Note what a new connection was shown; the first of its kind is told at once."""
        if certificate not in self.certificates:
            _tell({"certificate": certificate})
        self.certificates[certificate] += 1

    def fail(self, worker: int, nth: int, words: str) -> None:
        """Note a failure, and tell it at once."""
        now = time.time()
        failure: dict[str, object] = {
            "at": time.strftime("%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}",
            "after": round(time.monotonic() - self.started, 3),
            "worker": worker,
            "request of its connection": nth,
            "words": words,
        }
        self.failures.append(failure)
        _tell(failure)

    def summary(self) -> dict[str, object]:
        """Everything but the failures themselves."""
        seconds = time.monotonic() - self.started
        times = sorted(self.milliseconds) or [0.0]
        return {
            "requests": self.requests,
            "failed": len(self.failures),
            "connections": self.connections,
            "seconds": round(seconds, 1),
            "p50 ms": round(times[len(times) // 2], 1),
            "p99 ms": round(times[len(times) * 99 // 100], 1),
            "max ms": round(times[-1], 1),
            "pods": dict(self.pods),
            "versions": dict(self.versions),
            "certificates": dict(self.certificates),
        }


class Connection:
    """One connection, and how many requests it has carried."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a pair of streams."""
        self._reader = reader
        self._writer = writer
        self.requests = 0

    @property
    def certificate(self) -> str:
        """Serial number of the certificate that was shown; empty without TLS."""
        peer = self._writer.get_extra_info("peercert") or {}
        return str(peer.get("serialNumber", ""))

    async def ask(self, request: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request; the status, the headers, the body."""
        self.requests += 1
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(status.split(" ")[1]), headers, body

    def close(self) -> None:
        """Close it, without waiting for the other side."""
        self._writer.close()


class Worker:
    """Asks again and again on a connection of its own."""

    def __init__(self, number: int, target: Target, record: Record) -> None:
        """Connect at the first request."""
        self.answered = asyncio.Event()
        self._number = number
        self._target = target
        self._record = record
        self._request = target.request()
        self._connection: Connection | None = None

    async def run(self, pause: float, stop: asyncio.Event) -> None:
        """Ask every `pause` seconds until told to stop."""
        due = time.monotonic()
        while not stop.is_set():
            await self._once()
            due = max(due + pause, time.monotonic() - pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, due - time.monotonic()))
        self._close()

    async def _once(self) -> None:
        begun = time.monotonic()
        self._record.requests += 1
        nth = self._connection.requests + 1 if self._connection else 1
        try:
            async with asyncio.timeout(_PATIENCE):
                connection = self._connection or await self._connect()
                status, headers, body = await connection.ask(self._request)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self._close()
            self._record.fail(self._number, nth, f"{type(error).__name__}: {error}")
            return
        self._record.milliseconds.append((time.monotonic() - begun) * 1000)
        if status == 200:
            self.answered.set()
            self._record.pods[headers.get("x-pod", "")] += 1
            self._record.versions[headers.get("x-version", "")] += 1
        else:
            self._record.fail(self._number, nth, f"{status} {body[:200].decode(errors='replace').strip()}")
        if headers.get("connection") == "close" or connection.requests >= self._target.connection_requests:
            self._close()

    async def _connect(self) -> Connection:
        target = self._target
        name = target.host if target.tls else None
        streams = await asyncio.open_connection(target.address, target.port, ssl=target.tls, server_hostname=name)
        self._connection = Connection(*streams)
        self._record.connections += 1
        if target.tls:
            self._record.see(self._connection.certificate)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def put_under_load(target: Target, *, workers: int, rate: float, seconds: float) -> Record:
    """Ask `rate` times a second in all, until SIGTERM, SIGINT, or the end of the time."""
    record = Record()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    crew = [Worker(number, target, record) for number in range(workers)]

    async def announce() -> None:
        for worker in crew:
            await worker.answered.wait()
        _tell({"running": workers})

    async def end() -> None:
        ends = loop.time() + seconds
        while not stop.is_set() and loop.time() < ends and len(record.failures) < _FAILURES:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.2)
        stop.set()

    announcing = asyncio.create_task(announce())
    await asyncio.gather(end(), *(worker.run(workers / rate, stop) for worker in crew))
    announcing.cancel()
    return record


def _tell(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if not options.ca:
        return None
    context = ssl.create_default_context(cafile=options.ca)
    if options.certificate:
        context.load_cert_chain(options.certificate, options.key)
    return context


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="HOST:PORT to connect to")
    parser.add_argument("--host", required=True, help="name that is asked for, also of the TLS server")
    parser.add_argument("--path", default="/")
    parser.add_argument("--header", action="append", default=[], help="`name: value`")
    parser.add_argument("--requests", type=int, default=40, help="on a connection, before another one is opened")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rate", type=float, default=80.0, help="requests a second in all")
    parser.add_argument("--seconds", type=float, default=120.0, help="the longest that it may take")
    parser.add_argument("--ca", default="", help="authority of the server's certificate; TLS is used if given")
    parser.add_argument("--certificate", default="", help="certificate of the client")
    parser.add_argument("--key", default="", help="key of that certificate")
    options = parser.parse_args()
    address, _, port = options.address.rpartition(":")
    target = Target(
        address, int(port), options.host, options.path, tuple(options.header), _tls(options), options.requests
    )
    record = asyncio.run(put_under_load(target, workers=options.workers, rate=options.rate, seconds=options.seconds))
    _tell(record.summary())
    return 1 if record.failures else 0


if __name__ == "__main__":
    sys.exit(main())
