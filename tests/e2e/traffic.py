"""Requests from this machine, one at a time, and a load that goes on while something happens."""

import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Final, Self

from tests.e2e.commands import eventually

LOAD: Final = Path(__file__).with_name("load.py")
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def pod(self) -> str:
        """Who answered; empty: the proxy itself."""
        return self.headers.get("x-pod", "")

    @property
    def version(self) -> str:
        """The version of who answered."""
        return self.headers.get("x-version", "")


@dataclass(frozen=True, slots=True)
class Tls:
    """What a client trusts, and what it shows."""

    authority: Path
    certificate: Path | None = None
    key: Path | None = None

    def options(self) -> Sequence[str]:
        """The options of `load.py`."""
        own = ("--certificate", str(self.certificate), "--key", str(self.key)) if self.certificate else ()
        return ("--ca", str(self.authority), *own)

    def context(self) -> ssl.SSLContext:
        """The same for a request."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Door:
    """A port of this machine that leads to proxies."""

    address: str
    port: int

    def __str__(self) -> str:
        """`address:port`."""
        return f"{self.address}:{self.port}"

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection((self.address, self.port), _PATIENCE)

    def ask(
        self, host: str, path: str = "/", headers: Mapping[str, str] | None = None, *, tls: Tls | None = None
    ) -> Answer:
        """Send one request on a connection of its own.

        Raises:
            OSError: nobody answers.
            http.client.HTTPException: the connection ends before the answer.
        """
        connection: http.client.HTTPConnection
        if tls is None:
            connection = http.client.HTTPConnection(self.address, self.port, timeout=_PATIENCE)
        else:
            connection = _NamedConnection(self, host, tls.context())
        try:
            connection.request("GET", path, headers={"host": host, **(headers or {})})
            answer = connection.getresponse()
            return Answer(
                answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
            )
        finally:
            connection.close()

    def pods(self, host: str, requests: int = 20) -> set[str]:
        """Name who answers some requests; statuses of proxies and of failures are named as well."""
        answers = [self.ask(host) for _ in range(requests)]
        return {answer.pod if answer.status == 200 else str(answer.status) for answer in answers}

    def versions(self, host: str, requests: int = 20) -> set[str]:
        """Name the versions that answer some requests, and statuses of failures."""
        answers = [self.ask(host) for _ in range(requests)]
        return {answer.version if answer.status == 200 else str(answer.status) for answer in answers}

    def answers(self, host: str, path: str = "/", *, status: int = 200, within: float = 60.0) -> Answer:
        """Ask until the answer has a status, once; give it."""

        def look() -> Answer | None:
            answer = self.ask(host, path)
            assert answer.status == status, answer
            return answer

        answer = eventually(look, within=within, what=f"{status} of {host}{path}")
        assert answer is not None
        return answer

    def load(self, host: str, path: str = "/", **options: Any) -> "Load":
        """Prepare a load; entering starts it."""
        return Load(self, host, path, **options)


class Load:
    """Requests go on while the block lasts: `load.py` in a process of its own."""

    def __init__(
        self,
        door: Door,
        host: str,
        path: str = "/",
        *,
        rate: float = 80.0,
        seconds: float = 240.0,
        requests: int = 40,
        headers: Mapping[str, str] | None = None,
        tls: Tls | None = None,
    ) -> None:
        """Prepare it; `seconds` bounds it in any case, `requests` is how many a connection carries."""
        self.lines: list[Mapping[str, Any]] = []
        """Everything that it has told so far."""
        named = (f"--header={name}: {value}" for name, value in (headers or {}).items())
        self._command = [
            *(sys.executable, str(LOAD), str(door), "--host", host, "--path", path, "--rate", str(rate)),
            *("--seconds", str(seconds), "--requests", str(requests)),
            *(*named, *(tls.options() if tls else ())),
        ]
        self._process: subprocess.Popen[str] | None = None
        self._reading: Thread | None = None

    def __enter__(self) -> Self:
        """Start, and wait until every worker has an answer."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
        self._reading = Thread(target=self._read, args=(self._process,))
        self._reading.start()
        try:
            eventually(lambda: self.has_told("running") or self.has_told("requests"), what="a load runs")
            assert self.has_told("running"), self.lines[:5]
        except AssertionError:
            self._end()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        """End it, and read what came of it."""
        self._end()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.lines.append(json.loads(line))

    def _end(self) -> None:
        assert self._process is not None
        assert self._reading is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE)
        self._reading.join(_PATIENCE)

    def has_told(self, name: str, value: object = None) -> bool:
        """Whether a line has an entry of a name, and of a value if one is given."""
        return any(name in line and value in (None, line[name]) for line in tuple(self.lines))

    @property
    def failures(self) -> list[Mapping[str, Any]]:
        """What has failed so far."""
        return [line for line in tuple(self.lines) if "words" in line]

    @property
    def summary(self) -> Mapping[str, Any]:
        """What came of it, once it has ended."""
        return self.lines[-1]

    def wait(self) -> None:
        """Let it go on until its own time is over."""
        assert self._process is not None
        self._process.wait(_PATIENCE)

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return int(self.summary["requests"])

    @property
    def versions(self) -> Mapping[str, int]:
        """How many answers came of each version."""
        versions: Mapping[str, int] = self.summary["versions"]
        return versions

    def assert_nothing_failed(self) -> None:
        """Fail with every failure's time and words."""
        assert self.summary["requests"] > 0
        told = "\n".join(json.dumps(failure) for failure in self.failures[:40])
        assert not self.failures, f"{len(self.failures)} of {self.summary['requests']} requests failed:\n{told}"


class _NamedConnection(http.client.HTTPSConnection):
    """Connects to a door, and asks for another name in the handshake."""

    def __init__(self, door: Door, name: str, context: ssl.SSLContext) -> None:
        super().__init__(name, context=context, timeout=_PATIENCE)
        self._door = door
        self._tls = context

    def connect(self) -> None:
        """Connect to the door instead of the name's address."""
        self.sock = self._tls.wrap_socket(self._door.connect(), server_hostname=self.host)
