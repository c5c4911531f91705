"""A service of the end-to-end test: answers with its pod's name, and fails or waits when told to.

A program that needs nothing but Python; it runs in pods, from a ConfigMap. It answers 500 while `/tmp/broken`
exists, waits as many seconds as the header `x-delay` says, and serves TLS if `/tls` has a certificate. The
environment variable VERSION is told in `x-version`. After SIGTERM it ends at once: a pod's preStop gives
everybody time to hear of it.
"""

import asyncio
import os
import re
import signal
import ssl
import sys
from pathlib import Path

_BROKEN = Path("/tmp/broken")  # noqa: S108 - a file of a container, where nothing else can be written
_TLS = Path("/tls/tls.crt")
_DELAY = re.compile(rb"^x-delay: *([\d.]+)", re.MULTILINE | re.IGNORECASE)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request of a connection."""
    body = f"{os.environ['HOSTNAME']}\n".encode()
    headers = f"x-pod: {os.environ['HOSTNAME']}\r\nx-version: {os.environ.get('VERSION', '')}\r\n"
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if delay := _DELAY.search(request):
                await asyncio.sleep(float(delay[1]))
            status = "500 Internal Server Error" if _BROKEN.exists() else "200 OK"  # noqa: ASYNC240 - a look, in memory
            writer.write(f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    except (EOFError, OSError):
        writer.close()


async def main() -> None:
    """Serve until SIGTERM."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit)
    tls = None
    if _TLS.exists():  # noqa: ASYNC240 - once, at the start
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(_TLS, _TLS.with_name("tls.key"))
    async with await asyncio.start_server(answer, port=8080, ssl=tls) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
