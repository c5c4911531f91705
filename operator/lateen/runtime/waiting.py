"""Waiting until objects are live: the same for a cluster and for an instance on this machine."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from typing import Final, TypeAlias

from lateen.errors import InputError
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import NETWORKING, RESOURCES
from lateen.model.keys import Key
from lateen.status.conditions import ConditionType
from lateen.status.verdict import Standing, Verdict, current_conditions, judge

Follow: TypeAlias = Callable[[Key], AsyncGenerator[Standing, None]]
"""Tells how an object stands, first as it is, then whenever that may have changed."""

_PAUSE: Final = 0.5
"""Seconds between two tries to reach an API server that was reached before."""


class _HopelessError(Exception):
    """Waiting for the others makes no sense either."""


async def wait_for(
    keys: Iterable[Key],
    follow: Follow,
    *,
    seconds: float,
    keep_waiting: bool = False,
    tell: Callable[[Standing], None] = lambda _: None,
) -> list[Standing]:
    """Wait until everything holds, and say how each object stands in the end.

    Args:
        keys: the objects.
        follow: follows one of them.
        seconds: how long to wait; 0: look once.
        keep_waiting: go on when an object is refused or absent, which else ends the wait for all.
        tell: hears how objects stand, whenever that changes.

    Raises:
        LateenError: they cannot be followed.
    """
    standings = {key: Standing(key, Verdict.OPEN, "there is no answer yet") for key in keys}

    async def wait_for_one(key: Key) -> None:
        async with aclosing(follow(key)) as news:
            async for standing in news:
                if standing != standings[key]:
                    standings[key] = standing
                    tell(standing)
                if standing.verdict is Verdict.HOLDS or not seconds:
                    return
                if standing.verdict is not Verdict.OPEN and not keep_waiting:
                    raise _HopelessError

    tasks = [asyncio.create_task(wait_for_one(key), name=f"wait for {key}") for key in standings]
    try:
        await asyncio.wait(tasks, timeout=seconds or None, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception) and not isinstance(error, _HopelessError):
            raise error
    return [*standings.values()]


async def follow_in_cluster(client: KubeClient, key: Key, wanted: ConditionType) -> AsyncGenerator[Standing, None]:
    """Follow an object of a cluster by a watch; nothing is asked of the operator.

    Raises:
        InputError: objects of this kind carry no conditions.
        ApiError: the API server cannot be asked. Once it has answered, it is asked again instead.
    """
    if key.kind not in NETWORKING:
        raise InputError(f"nobody says of a {key.kind} whether it is live; {', '.join(NETWORKING)} can be waited for")
    resource, only = RESOURCES[key.kind], f"metadata.name={key.name}"
    answered = False
    while True:
        try:
            found, version = await client.list(resource, key.namespace, fieldSelector=only)
            answered = True
            yield judge(key, wanted, current_conditions(found[0])) if found else absent(key)
            async for type_, manifest in client.watch(resource, key.namespace, version=version, fieldSelector=only):
                if type_ == "DELETED":
                    yield absent(key)
                elif type_ != "BOOKMARK":
                    yield judge(key, wanted, current_conditions(manifest))
        except ApiError as error:
            if not (error.is_transient or error.is_expired) or not answered:
                raise
            yield Standing(key, Verdict.OPEN, f"the API server cannot be asked: {error}")
            await asyncio.sleep(_PAUSE)


def absent(key: Key) -> Standing:
    """How an object stands that does not exist."""
    return Standing(key, Verdict.ABSENT, "it does not exist")
