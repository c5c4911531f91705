"""`python -m demo [--keep]`: run the demo; exit code 0 only if everything it says has held."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import click

from demo.backends import Backend, listening
from demo.files import Directory
from demo.instance import lateen_up
from demo.stage import INDENT, DemoError, Stage
from demo.story import HOST, MESH_HOST, Cast, tell
from demo.traffic import client_of

_GATEWAY_PORT: Final = 80
_SHIFT: Final = 10_000
_MESH_PORT: Final = 15_001
_LONGEST_BASE: Final = 50
"""Paths of Unix sockets are short, so a long $TMPDIR cannot be used."""
_INTERRUPTED: Final = 130


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, until Ctrl-C.")
def main(*, keep: bool) -> None:
    """Show Lateen at work with real backends and a real Envoy."""
    stage = Stage()
    try:
        asyncio.run(run(stage, keep=keep))
    except BrokenPipeError:
        raise  # nobody reads any more: click ends quietly
    except (DemoError, OSError) as error:
        click.echo()
        click.secho(f"The demo failed: {error}", fg="red", bold=True)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("\nEnded.")
        sys.exit(0 if stage.over else _INTERRUPTED)


async def run(stage: Stage, *, keep: bool) -> None:
    """Set everything up, tell the story, and take everything down however it ends."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    users = (Backend("users-v1-a", "v1"), Backend("users-v1-b", "v1"), Backend("users-v2", "v2"))
    posts = (Backend("posts-a"), Backend("posts-b"), Backend("posts-c"))
    shift = choose_port(_GATEWAY_PORT + _SHIFT) - _GATEWAY_PORT
    mesh_port = choose_port(_MESH_PORT)
    async with AsyncExitStack() as parts:
        base = tempfile.gettempdir()
        if len(base) > _LONGEST_BASE:
            base = "/tmp"  # noqa: S108 - only the private directory that is made next is used
        root = parts.enter_context(
            tempfile.TemporaryDirectory(prefix="lateen-demo-", dir=base, ignore_cleanup_errors=True)
        )
        await parts.enter_async_context(listening([*users, *posts]))
        directory = Directory(Path(root))
        directory.write_all(users, posts)
        stage.act("Start", "real servers on this machine, two files of examples/, one command")
        stage.say(f"backends  {', '.join(f'{each.name} :{each.port}' for each in (*users, *posts))}")
        arguments = [str(directory.path), "--mesh-port", str(mesh_port), "--drain", "0"]
        if shift != _SHIFT:
            arguments += ["--port-shift", str(shift)]
        stage.say(f"command   lateen up {' '.join(arguments)}")
        launched = time.monotonic()
        instance = await parts.enter_async_context(lateen_up(arguments, Path(root), quote=stage.quote))
        gateway_port = _GATEWAY_PORT + shift
        gateway = await parts.enter_async_context(client_of(gateway_port))
        mesh = await parts.enter_async_context(client_of(mesh_port))
        await tell(Cast(stage, directory, instance, users, posts, gateway, mesh, gateway_port, mesh_port), launched)
        stage.end()
        if keep:
            _invite(root, directory, gateway_port, mesh_port)
            await instance.until_ended()


def choose_port(preferred: int) -> int:
    """Give the preferred port, or a free one when somebody has it."""
    for port in (preferred, 0):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(attempt.getsockname()[1])
    raise DemoError("no port of 127.0.0.1 is free")


def _invite(root: str, directory: Directory, gateway_port: int, mesh_port: int) -> None:
    """Say what can be tried."""
    lateen = f"XDG_RUNTIME_DIR={root} {os.path.relpath(Path(sys.executable).with_name('lateen'))}"
    click.echo("\nStill running. Try, in another terminal:\n")
    for line in (
        f"curl -i -H 'host: {HOST}' http://127.0.0.1:{gateway_port}/users",
        f"curl -i -H 'host: {HOST}' http://127.0.0.1:{gateway_port}/orders",
        f"curl -H 'host: {MESH_HOST}' http://127.0.0.1:{mesh_port}/",
        f"curl -H 'host: {MESH_HOST}' -H 'version: v2' http://127.0.0.1:{mesh_port}/",
        f"{lateen} status",
        f"$EDITOR {directory.path}/routing.yaml",
    ):
        click.echo(f"{INDENT}{line}")
    click.echo("\nCtrl-C ends everything.")


if __name__ == "__main__":
    main()
