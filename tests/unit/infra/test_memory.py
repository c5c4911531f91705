"""The twin of the real runners."""

import pytest

from lateen.errors import ProxyError
from lateen.infra.base import Phase, ProxyPlan, ProxyRunner, ProxyState
from lateen.infra.memory import MemoryProxyRunner
from lateen.ir.proxy import ProxyId

PROXY = ProxyId("default", "istio=ingressgateway")


async def test_it_follows_the_protocol_and_tells_what_it_does() -> None:
    told: list[ProxyState] = []
    runner = MemoryProxyRunner(told.append)
    as_protocol: ProxyRunner = runner
    await as_protocol.ensure(ProxyPlan(PROXY, "{}"))
    await as_protocol.ensure(ProxyPlan(PROXY, "{}"))
    await as_protocol.ensure(ProxyPlan(PROXY, "{ }"))
    assert as_protocol.states[PROXY].restarts == 1
    await as_protocol.remove(PROXY)
    await as_protocol.remove(PROXY)
    assert [(state.phase, state.restarts) for state in told] == [
        (Phase.READY, 0),
        (Phase.READY, 1),
        (Phase.STOPPED, 0),
    ]
    assert as_protocol.states == {}


async def test_nothing_runs_after_it_was_closed() -> None:
    runner = MemoryProxyRunner()
    await runner.ensure(ProxyPlan(PROXY, "{}"))
    await runner.close()
    assert runner.states == {}
    with pytest.raises(ProxyError, match="was closed"):
        await runner.ensure(ProxyPlan(PROXY, "{}"))
