"""A client of HTTP/2 that goes on with its streams after a GOAWAY, which the library for servers and clients cannot."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

import h2.config
import h2.connection
import h2.events

_FRAME_HEAD: Final = 9
_GOAWAY: Final = 7
_FARTHEST: Final = 2**31 - 1


class Http2Connection:
    """One connection without TLS, with any number of streams beside each other; also a context manager."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use a pair of streams; `open` makes them."""
        self.farewells: list[int] = []
        """The last stream that will be answered, by each GOAWAY."""
        self.streams = 0
        """How many were opened."""
        self._reader = reader
        self._writer = writer
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._answers: dict[int, asyncio.Future[int]] = {}
        self._statuses: dict[int, int] = {}
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to a port of this machine."""
        connection = cls(*await asyncio.open_connection("127.0.0.1", port))
        connection._state.initiate_connection()
        connection._flush()
        connection._reading = asyncio.create_task(connection._read())
        return connection

    @property
    def is_ending(self) -> bool:
        """Whether no more streams should be opened."""
        return bool(self.farewells)

    @property
    def spares_open_streams(self) -> bool:
        """Whether the first GOAWAY lets all streams be answered, those included that are on their way."""
        return self.farewells[:1] == [_FARTHEST]

    async def get(self, host: str) -> int:
        """Send a request on a stream of its own, and return the status once the answer is complete.

        Raises:
            ConnectionError: the stream or the connection ended before.
        """
        stream: int = self._state.get_next_available_stream_id()
        fields = {":method": "GET", ":scheme": "http", ":authority": host, ":path": "/"}
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._answers[stream] = answer
        self._state.send_headers(stream, list(fields.items()), end_stream=True)
        self.streams += 1
        self._flush()
        return await answer

    async def __aenter__(self) -> Self:
        """It is open."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(_FRAME_HEAD)
                body = await self._reader.readexactly(int.from_bytes(head[:3]))
                if head[3] == _GOAWAY:  # after it the library would take no frame of open streams
                    self.farewells.append(int.from_bytes(body[:4]))
                    continue
                for event in self._state.receive_data(head + body):
                    self._take(event)
                self._flush()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            for answer in self._answers.values():
                answer.set_exception(ConnectionResetError(f"closed by the proxy: {error!r}"))
            self._answers.clear()

    def _take(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            headers: Any = event.headers
            self._statuses[event.stream_id] = int(dict(headers)[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._answers.pop(event.stream_id).set_result(self._statuses.pop(event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            self._answers.pop(event.stream_id).set_exception(ConnectionResetError(f"reset: {event.error_code}"))

    def _flush(self) -> None:
        self._writer.write(self._state.data_to_send())
