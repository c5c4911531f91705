"""`lateen wait KIND/NAME…`: until objects are live."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Final

import click

from lateen.cli.client import ask
from lateen.cli.durations import Duration
from lateen.cli.objects import parse_object
from lateen.cli.target import Cluster, cluster_options
from lateen.cli.terminal import ago
from lateen.errors import LateenError
from lateen.model.keys import Key
from lateen.runtime.waiting import follow_in_cluster, wait_for
from lateen.status.conditions import ConditionType
from lateen.status.verdict import Standing, Verdict

_QUIET: Final = 1.0
"""Seconds before anything is said about what is waited for."""

_TURN: Final = 20.0
"""Seconds that one question to an instance lasts."""


@click.command()
@click.argument("objects", metavar="KIND/NAME...", nargs=-1, required=True)
@click.option("--namespace", "-n", help="Namespace of objects without one.  [default: the context's, or 'default']")
@click.option(
    "--for",
    "wanted",
    type=click.Choice([each.value for each in ConditionType], case_sensitive=False),
    default=ConditionType.PROGRAMMED.value,
    show_default=True,
    help="The condition to wait for.",
)
@click.option("--timeout", type=Duration(), default="60s", show_default=True, help="How long; 0 looks once.")
@click.option("--keep-waiting", is_flag=True, help="Do not give up on objects that are refused or do not exist.")
@click.option("--instance", default="default", show_default=True, help="The running instance to ask.")
@cluster_options
def command(
    objects: tuple[str, ...],
    cluster: Cluster | None,
    *,
    namespace: str | None,
    wanted: str,
    timeout: float,
    keep_waiting: bool,
    instance: str,
) -> None:
    """Wait until the current content of objects is live: vs/shop, gateway/edge, VirtualService/default/shop.

    Exit code 0: all are; 1: the time is over, or one is refused or does not exist; 2: wrong usage.
    """
    if namespace is None:
        namespace = cluster.default_namespace() if cluster else "default"
    keys = [parse_object(each, namespace) for each in objects]
    condition = ConditionType(wanted)
    try:
        standings = asyncio.run(_wait(keys, condition, cluster, instance, seconds=timeout, keep_waiting=keep_waiting))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)
    for standing in standings:
        _conclude(standing, condition, timeout)
    sys.exit(any(standing.verdict is not Verdict.HOLDS for standing in standings))


async def _wait(
    keys: list[Key],
    wanted: ConditionType,
    cluster: Cluster | None,
    instance: str,
    *,
    seconds: float,
    keep_waiting: bool,
) -> list[Standing]:
    progress = Progress()
    asyncio.get_running_loop().call_later(_QUIET, progress.speak)
    if cluster is None:
        return await wait_for(
            keys,
            lambda key: _follow_instance(instance, key, wanted),
            seconds=seconds,
            keep_waiting=keep_waiting,
            tell=progress.tell,
        )
    async with cluster.connect() as client:
        return await wait_for(
            keys,
            lambda key: follow_in_cluster(client, key, wanted),
            seconds=seconds,
            keep_waiting=keep_waiting,
            tell=progress.tell,
        )


async def _follow_instance(instance: str, key: Key, wanted: ConditionType) -> AsyncGenerator[Standing, None]:
    """Follow an object of a running instance, which answers when there is news."""
    known = ""
    while True:
        question = {"object": str(key), "for": wanted.value, "known": known, "seconds": str(_TURN)}
        answer = await ask(instance, "/v1/wait", question, seconds=_TURN)
        known = answer["message"]
        yield Standing(key, Verdict(answer["verdict"]), known)


class Progress:
    """Says on standard error what is waited for, once that takes long."""

    def __init__(self) -> None:
        """Begin quietly."""
        self._speaks = False
        self._open: dict[Key, Standing] = {}

    def tell(self, standing: Standing) -> None:
        """Hear how an object stands now."""
        if standing.verdict is Verdict.HOLDS:
            self._open.pop(standing.key, None)
            return
        self._open[standing.key] = standing
        if self._speaks:
            _say(standing)

    def speak(self) -> None:
        """Say what is not the case so far, and from now on whatever changes."""
        self._speaks = True
        for standing in self._open.values():
            _say(standing)


def _say(standing: Standing) -> None:
    click.echo(f"waiting for {_name(standing.key)}: {standing.message}", err=True)


def _conclude(standing: Standing, wanted: ConditionType, seconds: float) -> None:
    """Say how it ended for one object."""
    name = _name(standing.key)
    if standing.verdict is Verdict.HOLDS:
        click.echo(f"{name}: {standing.message}")
        return
    late = f" is not {wanted}{f' after {ago(seconds)}' if seconds else ''}"
    what = {Verdict.REFUSED: " is refused", Verdict.ABSENT: "", Verdict.OPEN: late}[standing.verdict]
    click.secho(f"{name}{what}: {standing.message}", fg="red", err=True)


def _name(key: Key) -> str:
    return f"{key.kind} {key.namespace}/{key.name}"
