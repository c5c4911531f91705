"""The validating webhook: HTTPS for the API server, with a certificate that is replaced while it serves."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lateen.certificates.stored import Bearer
from lateen.sockets import listen_on
from lateen.validation.intake import Intake
from lateen.webhook.review import review

PATH: Final = "/validate"

_log = structlog.get_logger(__name__)


class ServedCertificate(Protocol):
    """What the server shows; another one now and then."""

    @property
    def bearer(self) -> Bearer:
        """The certificate of the moment."""
        ...

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear of every new one; returns what ends the subscription."""
        ...


def build_webhook(intake: Intake) -> Starlette:
    """Make the application; `intake` is the door, as strict as the operator's own."""

    async def validate(request: Request) -> Response:
        try:
            return JSONResponse(review(await request.json(), intake))
        except ValueError as error:  # no JSON, no text at all, or no review
            return PlainTextResponse(str(error), 400)

    return Starlette(routes=[Route(PATH, validate, methods=["POST"])])


@asynccontextmanager
async def serving_webhook(app: Starlette, certificate: ServedCertificate, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the context lasts, and give the port; 0 takes a free one.

    A new certificate is shown to new connections; those that are open stay as they are.

    Raises:
        InputError: the port cannot be had.
    """
    showing = Showing(await asyncio.to_thread(_context, certificate.bearer))
    with listen_on(host, port) as listener:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none", http="h11")
        config.load()
        config.ssl = showing.context
        server = _Server(config)
        changed = asyncio.Event()
        end = certificate.subscribe(changed.set)
        following = asyncio.create_task(_follow(certificate, changed, showing), name="webhook's certificate")
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="webhook")
        try:
            yield listener.getsockname()[1]
        finally:
            end()
            following.cancel()
            server.should_exit = True
            await asyncio.wait([serving, following])


class Showing:
    """A TLS context that hands each new connection to the newest one."""

    def __init__(self, first: ssl.SSLContext) -> None:
        """Show the certificate of `first` until there is another."""
        self.context = first
        self.newest = first
        first.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: Any) -> None:
        """Called for each connection, with and without a server name."""
        connection.context = self.newest


async def _follow(certificate: ServedCertificate, changed: asyncio.Event, showing: Showing) -> None:
    while True:
        await changed.wait()
        changed.clear()
        try:
            showing.newest = await asyncio.to_thread(_context, certificate.bearer)
        except OSError as error:
            _log.warning("the webhook goes on with its last certificate", reason=str(error))


def _context(bearer: Bearer) -> ssl.SSLContext:
    """Load a certificate; blocks, because the library reads keys from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory(prefix="lateen-") as directory:
        file = Path(directory) / "pair.pem"
        file.touch(mode=0o600)
        file.write_bytes(bearer.pair.certificate.pem + bearer.pair.key)
        context.load_cert_chain(file)
    return context


class _Server(uvicorn.Server):
    """Leaves the signals alone: what they mean is decided elsewhere."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
