"""Proxies of this machine: what they tell is in the journal."""

import asyncio

from tests.unit.runtime.ejections.scene import FIRST, RULE_NAME, SERVICE, ejected, returned, shop
from tests.unit.runtime.stage import EDGE, Stage

from lateen.infra.base import Phase, ProxyState
from lateen.runtime.ejections.local import LocalEjections
from lateen.runtime.journal import Happened

NOON = 1_795_867_200.0


def joined() -> tuple[Stage, LocalEjections]:
    stage = shop()
    ejections = LocalEjections(lambda: NOON, lambda: NOON)
    ejections.join(stage.control)
    return stage, ejections


def reasons(stage: Stage) -> list[str]:
    return [entry.reason for entry in stage.entries if isinstance(entry, Happened)]


def test_an_ejection_is_in_the_journal_and_in_status() -> None:
    stage, ejections = joined()
    ejections.on_event(EDGE, ejected(NOON))
    (entry,) = stage.told(Happened)
    assert isinstance(entry, Happened)
    assert (entry.key, entry.reason, entry.is_warning) == (RULE_NAME, "HostEjected", True)
    assert entry.message.startswith(f"pod cart-a ({FIRST}) of {SERVICE} ejected by proxy shared/app=edge for 30 s")
    assert [host.address for host in stage.control.status(RULE_NAME).ejections] == [FIRST]
    ejections.on_event(EDGE, returned(NOON + 30))
    assert reasons(stage) == ["HostEjected", "HostReturned"]
    assert stage.control.status(RULE_NAME).ejections == ()


def test_ejections_end_with_the_process() -> None:
    stage, ejections = joined()
    ejections.on_event(EDGE, ejected(NOON))
    ejections.on_proxy(ProxyState(EDGE, Phase.READY))
    assert len(stage.control.status(RULE_NAME).ejections) == 1
    ejections.on_proxy(ProxyState(EDGE, Phase.RESTARTING))
    assert stage.control.status(RULE_NAME).ejections == ()
    ejections.on_proxy(ProxyState(EDGE, Phase.STOPPED))
    assert ejections.keeper.ejected_now() == {}


async def test_time_goes_on_until_it_is_stopped() -> None:
    _, ejections = joined()
    task = asyncio.create_task(ejections.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
