"""Backends that count, and clients that ask without end, in threads: these tests wait for processes, not for a loop."""

import http.client
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from tests.apiserver.control_plane import wait_until
from tests.operator.world import own_address

_PATIENCE: Final = 20.0
_BODY: Final = b"ok"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    backend: str
    """Who answered; empty: the proxy itself."""
    mark: str
    """What the VirtualService marks answers with."""


class Backend:
    """A server that names itself; also a context manager."""

    def __init__(self, name: str) -> None:
        """Listen on a free port of this machine's own address."""
        self.name = name
        self.requests = 0
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                backend.requests += 1
                self.send_response(200)
                self.send_header("x-backend", backend.name)
                self.send_header("content-length", str(len(_BODY)))
                self.end_headers()
                self.wfile.write(_BODY)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self._server = Server((own_address(), 0), Handler)
        self.host, self.port = own_address(), self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name=name)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End; kept connections end with their clients."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def ask(port: int, host: str, *, tls: ssl.SSLContext | None = None) -> Answer:
    """Send one request on a connection of its own.

    Raises:
        OSError: there is no connection.
    """
    connection = _Client(port, host, tls)
    try:
        return connection.ask()
    finally:
        connection.close()


def until_answered(port: int, host: str, holds: Callable[[Answer], bool], *, tls: ssl.SSLContext | None = None) -> None:
    """Ask again and again until an answer is as wanted.

    Raises:
        AssertionError: none was in time; says what came last.
    """
    last: list[object] = []

    def answered() -> bool:
        try:
            answer = ask(port, host, tls=tls)
        except OSError as error:
            last[:] = [error]
            return False
        last[:] = [answer]
        return holds(answer)

    try:
        wait_until(answered, _PATIENCE)
    except TimeoutError:
        raise AssertionError(f"{host}: {last}") from None


class _Client:
    """One kept connection; a name in TLS is asked for as well."""

    def __init__(self, port: int, host: str, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        if tls is not None:
            self._connection.connect()
            self._connection.sock = tls.wrap_socket(self._connection.sock, server_hostname=host)

    def ask(self) -> Answer:
        self._connection.request("GET", "/", headers={"host": self._host})
        answer = self._connection.getresponse()
        answer.read()
        return Answer(answer.status, answer.getheader("x-backend", ""), answer.getheader("x-mark", ""))

    def close(self) -> None:
        self._connection.close()


@dataclass(slots=True)
class Load:
    """What clients were answered while they asked without end."""

    answers: Counter[str] = field(default_factory=Counter)
    """By backend."""
    failures: list[str] = field(default_factory=list)
    """Everything but a 200 of a backend, a lost connection included."""
    last: str = ""
    """Mark of the last answer."""

    @property
    def requests(self) -> int:
        """Answers so far."""
        return self.answers.total() + len(self.failures)

    def until(self, more: int) -> None:
        """Wait until so many more requests were answered, or failed."""
        wanted = self.requests + more
        wait_until(lambda: self.requests >= wanted)

    def until_marked(self, mark: str) -> None:
        """Wait until an answer carries a mark."""
        wait_until(lambda: self.last == mark)


@contextmanager
def load(
    port: int, host: str, *, clients: int = 4, renew: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Load]:
    """Ask until the block ends: as fast as answers come, with a short pause between.

    Args:
        port: of the proxy.
        host: what to ask for.
        clients: each has a connection.
        renew: requests after which a client opens a new connection; 0: never.
        tls: how to speak, if not plainly.
    """
    found, lock, ending = Load(), threading.Lock(), threading.Event()

    def work() -> None:
        client, asked = _Client(port, host, tls), 0
        while not ending.wait(0.002):
            try:
                if renew and asked and asked % renew == 0:
                    client.close()
                    client = _Client(port, host, tls)
                answer = client.ask()
            except (OSError, http.client.HTTPException) as error:
                with lock:
                    found.failures.append(repr(error))
                client.close()
            else:
                with lock:
                    if answer.status == 200 and answer.backend:
                        found.answers[answer.backend] += 1
                    else:
                        found.failures.append(f"{answer}")
                    found.last = answer.mark
            asked += 1
        client.close()

    threads = [threading.Thread(target=work, name=f"client {number}") for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ending.set()
        for thread in threads:
            thread.join()
