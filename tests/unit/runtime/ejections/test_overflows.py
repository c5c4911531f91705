"""Overflows are counted, and told once a minute at most."""

from tests.unit.runtime.ejections.scene import CLUSTER, ONE, RULE_NAME, SERVICE, TWO, Told, shop
from tests.unit.runtime.stage import EDGE, Stage

from lateen.infra.proxy_events import Limit, PoolOverflowed
from lateen.runtime.ejections.facts import Facts, ProxyPod
from lateen.runtime.ejections.overflows import GATHERING, PERIOD, OverflowCounter

POLICY = "connectionPool: {tcp: {maxConnections: 1}, http: {maxRetries: 2}}"
TOLD = f"{SERVICE} port 8080 is at its limits: in the last"
REQUEST = PoolOverflowed(CLUSTER, Limit.REQUEST)


class Clocked:
    """A counter with a clock."""

    def __init__(self, stage: Stage) -> None:
        """Start at zero."""
        self.now = 0.0
        self.told = Told()
        self.counter = OverflowCounter(Facts(stage.control), self.told, lambda: self.now)

    def after(self, seconds: float) -> list[tuple[str, str]]:
        """Let time go by, and give what is told."""
        self.now += seconds
        self.counter.look()
        return self.told.take()


def test_the_first_overflows_are_told_soon_and_together() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, REQUEST)
    assert clocked.after(0) == []
    clocked.counter.add(ONE, REQUEST)
    clocked.counter.add(ONE, REQUEST)
    assert clocked.after(GATHERING) == [
        (
            "PoolOverflow",
            f"{TOLD} 2 s, 3 requests were refused (connectionPool.tcp.maxConnections 1), by proxy edge-1",
        )
    ]


def test_a_single_overflow_is_told() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, PoolOverflowed(CLUSTER, Limit.CONNECTION))
    clocked.after(0)
    ((_, message),) = clocked.after(GATHERING)
    assert "1 connection was closed" in message
    assert clocked.told.events == []


def test_further_ones_are_told_once_a_minute() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, REQUEST)
    clocked.after(0)
    assert len(clocked.after(GATHERING)) == 1
    for _ in range(37):
        clocked.counter.add(ONE, REQUEST)
    assert clocked.after(PERIOD - 1) == []
    ((_, message),) = clocked.after(1)
    assert "in the last 60 s, 37 requests were refused" in message


def test_after_a_quiet_minute_the_next_one_is_told_soon_again() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, REQUEST)
    clocked.after(0)
    clocked.after(GATHERING)
    assert clocked.after(PERIOD) == []
    assert not clocked.counter.is_waiting
    clocked.counter.add(ONE, REQUEST)
    clocked.after(0)
    assert len(clocked.after(GATHERING)) == 1


def test_sorts_of_limits_are_told_apart_and_proxies_named() -> None:
    clocked = Clocked(shop(POLICY))
    for number in range(5):
        clocked.counter.add(ProxyPod("default", f"edge-{number}", EDGE), REQUEST)
    clocked.counter.add(TWO, PoolOverflowed(CLUSTER, Limit.RETRY))
    clocked.after(0)
    ((_, message),) = clocked.after(GATHERING)
    assert message.endswith(
        "5 requests were refused (connectionPool.tcp.maxConnections 1),"
        " 1 retry was not made (connectionPool.http.maxRetries 2), by proxies edge-0, edge-1, edge-2 and 2 more"
    )


def test_it_is_a_warning_on_the_rule() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, REQUEST)
    clocked.counter.look()
    clocked.now += GATHERING
    clocked.counter.look()
    assert [event[:2] for event in clocked.told.events] == [(RULE_NAME, "Warning")]


def test_clusters_that_are_gone_are_not_told_of() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, PoolOverflowed("outbound|1||gone", Limit.REQUEST))
    assert clocked.counter.is_waiting
    assert clocked.after(GATHERING) == []
    assert not clocked.counter.is_waiting


def test_what_was_not_told_can_be_forgotten() -> None:
    clocked = Clocked(shop(POLICY))
    clocked.counter.add(ONE, REQUEST)
    clocked.counter.clear()
    assert not clocked.counter.is_waiting
