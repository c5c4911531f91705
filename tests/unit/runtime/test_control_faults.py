"""Whatever breaks while a batch is handled: the rest of it is served, and nothing is lost."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.runtime.stage import CART, EDGE, GATEWAY, ROUTES, Stage, key
from tests.unit.runtime.test_control import condition, looping, turns
from tests.virtual_time import in_virtual_time

from lateen.ir.resource import ResourceKey, ResourceType
from lateen.model.keys import Key
from lateen.model.objects import Change
from lateen.runtime.control import REPAIRING
from lateen.runtime.journal import Compiled
from lateen.sources.base import FileProblem, FileReport
from lateen.status.conditions import ConditionType

SECOND = ROUTES.replace("name: shop", "name: second").replace("shop.example.com", "second.example.com")
BOTH = GATEWAY.replace('"shop.example.com"', '"*"')


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """Keep what is logged: tracebacks would be printed with their source, which blocks."""
    with capture_logs() as entries:
        yield entries


def fail_at(stage: Stage, bad: Key) -> None:
    """Let the compiler break down when it comes to an object."""
    compiler: Any = stage.control.compiler
    apply = compiler.apply

    def faulty(changes: Iterable[Change]) -> Any:
        def checked() -> Iterator[Change]:
            for change in changes:
                if change.key == bad:
                    raise LookupError("a fault")
                yield change

        return apply(checked())

    compiler.apply = faulty


def fail_once(part: Any, name: str, *, times: int = 1) -> None:
    """Let a method fail when it is called next."""
    method = getattr(part, name)
    left = times

    def faulty(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        if not left:
            return method(*arguments, **named)
        left -= 1
        raise LookupError("a fault")

    setattr(part, name, faulty)


def served(stage: Stage) -> dict[ResourceKey, str]:
    return {name: each.version for name, each in stage.cache.snapshot(EDGE).items()}


def scratch(*texts: str) -> dict[ResourceKey, str]:
    stage = Stage()
    stage.apply(*texts)
    return served(stage)


async def test_an_object_that_breaks_the_compiler_is_left_out_and_says_so() -> None:
    stage = Stage()
    fail_at(stage, key(SECOND))
    async with looping(stage):
        stage.apply(BOTH, SECOND, ROUTES, CART)
        await turns()
        assert served(stage) == scratch(BOTH, ROUTES, CART)
        assert condition(stage, SECOND, ConditionType.ACCEPTED) == ("False", "Invalid")
        assert condition(stage, ROUTES, ConditionType.ACCEPTED) == ("True", "Accepted")
        assert stage.status.statuses.keys() == {key(each) for each in (BOTH, SECOND, ROUTES, CART)}
        del stage.control.compiler.apply  # mended
        stage.apply(SECOND)
        assert served(stage) == scratch(BOTH, SECOND, ROUTES, CART)
        assert condition(stage, SECOND, ConditionType.ACCEPTED) == ("True", "Accepted")


WAYS: dict[str, Callable[[Stage], tuple[Any, str]]] = {
    "after the commit": lambda stage: (stage.control.compiler, "findings_of"),
    "before anything is published": lambda stage: (stage.control.parts, "update"),
    "while it is published": lambda stage: (stage.control.guard, "sift"),
    "before it is followed": lambda stage: (stage.control.ledger, "track"),
}


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_lost_on_the_way_is_published_all_the_same(way: str) -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(BOTH, ROUTES, CART)
        proxy = stage.connect()
        proxy.run()
        fail_once(*WAYS[way](stage))
        stage.apply(SECOND, ROUTES.replace("/cart", "/basket"))
        assert served(stage) == scratch(BOTH, SECOND, ROUTES.replace("/cart", "/basket"), CART)
        proxy.run()
        await turns()
        assert ResourceKey(ResourceType.ROUTE, "http.10080/second.example.com") in proxy.has
        assert condition(stage, SECOND, ConditionType.PROGRAMMED) == ("True", "Programmed")
        fail_once(*WAYS[way](stage))
        stage.remove(SECOND)
        assert served(stage) == scratch(BOTH, ROUTES.replace("/cart", "/basket"), CART)


async def test_a_class_that_goes_while_a_batch_is_lost_goes_all_the_same() -> None:
    stage = Stage()
    async with looping(stage):
        stage.apply(BOTH, ROUTES, CART)
        await turns()
        fail_once(stage.control.parts, "update")
        stage.remove(BOTH)
        await turns()
        assert stage.cache.proxies == stage.runner.states.keys() == set()
        assert stage.control.parts.of(key(ROUTES)) == frozenset()


async def test_the_first_batch_of_all_may_break_as_well() -> None:
    stage = Stage()
    fail_once(stage.control.guard, "sift")
    stage.apply(BOTH, ROUTES, CART)
    assert served(stage) == scratch(BOTH, ROUTES, CART)


@in_virtual_time
async def test_what_cannot_be_found_at_once_is_looked_for_again() -> None:
    stage = Stage()
    async with looping(stage):
        fail_once(stage.control.guard, "sift")
        fail_once(stage.control.compiler, "everything", times=2)
        stage.apply(BOTH, ROUTES, CART)
        await turns()
        assert served(stage) == {}
        await asyncio.sleep(REPAIRING + 0.1)
        assert served(stage) == scratch(BOTH, ROUTES, CART)


def test_many_broken_files_cost_as_much_as_there_are() -> None:
    class Counting(dict[Any, Any]):
        looks = 0

        def values(self) -> Any:
            Counting.looks += 1
            return super().values()

    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    stage.control.origins = Counting(stage.control.origins)
    broken = [FileReport(f"{number}.yaml", (FileProblem(f"{number}.yaml", 1, 1, "no"),)) for number in range(100)]
    stage.control.take(broken)
    stage.control.flush()
    assert Counting.looks == 1
    assert not stage.told(Compiled)[1:]


@in_virtual_time
async def test_what_cannot_be_found_is_tried_again_no_oftener_because_of_the_batches_in_between() -> None:
    stage = Stage()
    tries: list[float] = []
    async with looping(stage):
        stage.apply(BOTH, ROUTES, CART)

        def everything() -> Any:
            tries.append(asyncio.get_running_loop().time())
            raise LookupError("a fault")

        compiler: Any = stage.control.compiler
        compiler.everything = everything
        fail_once(stage.control.parts, "update")
        for number in range(20):
            await asyncio.sleep(0.01)
            stage.apply(ROUTES.replace("/cart", f"/cart-{number}"))
        await turns()
        tries.clear()
        await asyncio.sleep(10 * REPAIRING + 1)
        assert len(tries) == 10
