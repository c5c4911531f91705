"""Listeners, and ports that somebody else has."""

import asyncio

from lateen.infra.ports import PortHolder
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.runtime.port_guard import Changes, Held, PortGuard, PortProbe, address_of

EDGE = ProxyId("shared", "app=edge")
OURS = 4711


def listener(name: str, content: str = "1") -> Resource:
    return Resource(ResourceKey(ResourceType.LISTENER, name), content, content.encode())


CLUSTER = Resource(ResourceKey(ResourceType.CLUSTER, "outbound|80||cart"), "1", b"1")
WEB = listener("127.0.0.1_8080")


class Scene:
    """A guard of a machine whose ports are taken on demand."""

    def __init__(self, *taken: int, holder: int = 7) -> None:
        """Begin with some ports taken."""
        self.taken = set(taken)
        self.holder = holder
        self.published: list[Changes] = []
        self.told: list[str] = []
        self.slept = asyncio.Event()
        self.done = asyncio.Event()
        self.guard = PortGuard(
            PortProbe(
                is_free=lambda _, port: port not in self.taken,
                find_holders=lambda *_: (PortHolder(self.holder, "nginx"),),
                describe=lambda address, port: f"{address}:{port} is in use by pid {self.holder}",
            ),
            own_pids=lambda: {OURS},
            publish=self._publish,
            on_taken=self._on_taken,
            sleep=self._sleep,
        )

    def _publish(self, proxy: ProxyId, changes: Changes) -> None:
        del proxy
        self.published.append(changes)
        self.done.set()

    def _on_taken(self, proxy: ProxyId, name: ResourceKey, held: Held) -> None:
        self.told.append(f"{proxy} {name.name}: {held.reason}")

    async def _sleep(self, seconds: float) -> None:
        del seconds
        self.slept.set()
        await asyncio.sleep(0)


def test_what_is_no_listener_passes() -> None:
    scene = Scene(8080)
    changes = {CLUSTER.key: CLUSTER}
    assert scene.guard.sift(EDGE, changes) == changes


def test_a_listener_on_a_free_port_passes_and_is_not_asked_about_again() -> None:
    scene = Scene()
    assert scene.guard.sift(EDGE, {WEB.key: WEB}) == {WEB.key: WEB}
    scene.taken = {8080}  # by our own Envoy
    newer = listener(WEB.key.name, "2")
    assert scene.guard.sift(EDGE, {WEB.key: newer}) == {WEB.key: newer}


async def test_a_listener_on_a_taken_port_waits_and_says_for_whom() -> None:
    scene = Scene(8080)
    assert scene.guard.sift(EDGE, {CLUSTER.key: CLUSTER, WEB.key: WEB}) == {CLUSTER.key: CLUSTER, WEB.key: None}
    await scene.guard.look()
    await scene.guard.look()
    assert scene.told == ["shared/app=edge 127.0.0.1_8080: 127.0.0.1:8080 is in use by pid 7"]
    assert scene.published == []


async def test_the_latest_version_is_published_when_the_port_is_free() -> None:
    scene = Scene(8080)
    scene.guard.sift(EDGE, {WEB.key: WEB})
    newer = listener(WEB.key.name, "2")
    assert scene.guard.sift(EDGE, {WEB.key: newer}) == {WEB.key: None}
    scene.taken.clear()
    await scene.guard.look()
    assert scene.published == [{WEB.key: newer}]
    assert not scene.guard.held


async def test_a_listener_that_is_removed_waits_no_longer() -> None:
    scene = Scene(8080)
    scene.guard.sift(EDGE, {WEB.key: WEB})
    scene.guard.sift(EDGE, {WEB.key: None})
    scene.taken.clear()
    await scene.guard.look()
    assert scene.published == []


async def test_our_own_proxies_may_share_a_port_while_one_of_them_drains() -> None:
    scene = Scene(8080, holder=OURS)
    scene.guard.sift(EDGE, {WEB.key: WEB})
    await scene.guard.look()
    assert scene.published == [{WEB.key: WEB}]
    assert scene.told == []


async def test_two_of_our_own_proxies_do_not_share_a_port_for_good() -> None:
    scene = Scene()
    mesh = ProxyId("shared", "mesh")
    everywhere = listener("0.0.0.0_8080")
    scene.guard.sift(EDGE, {WEB.key: WEB})
    assert scene.guard.sift(mesh, {everywhere.key: everywhere}) == {everywhere.key: None}
    await scene.guard.look()
    assert scene.told == ["shared/mesh 0.0.0.0_8080: 0.0.0.0:8080 is served by proxy shared/app=edge of this instance"]
    scene.guard.sift(EDGE, {WEB.key: None})
    await scene.guard.look()
    assert scene.published == [{everywhere.key: everywhere}]


async def test_a_listener_of_a_crashed_proxy_is_withdrawn_if_its_port_was_taken_meanwhile() -> None:
    scene = Scene()
    scene.guard.sift(EDGE, {WEB.key: WEB})
    scene.guard.withdraw(EDGE, [WEB])
    assert scene.published == []
    scene.taken = {8080}
    scene.guard.withdraw(EDGE, [WEB])
    assert scene.published == [{WEB.key: None}]
    scene.taken.clear()
    await scene.guard.look()
    assert scene.published[-1] == {WEB.key: WEB}


async def test_a_proxy_that_is_gone_leaves_nothing_waiting() -> None:
    scene = Scene(8080)
    scene.guard.sift(EDGE, {WEB.key: WEB})
    scene.guard.forget(EDGE)
    assert not scene.guard.held
    assert not scene.guard.passed


async def test_the_guard_looks_again_until_nothing_waits() -> None:
    scene = Scene(8080)
    task = asyncio.create_task(scene.guard.run())
    scene.guard.sift(EDGE, {WEB.key: WEB})
    await scene.slept.wait()
    scene.taken.clear()
    await scene.done.wait()
    assert not scene.guard.held
    task.cancel()
    await asyncio.wait([task])


def test_names_of_listeners_hold_their_addresses() -> None:
    assert address_of(listener("127.0.0.1_80").key) == ("127.0.0.1", 80)
    assert address_of(listener("::_8080").key) == ("::", 8080)


def test_where_each_proxy_has_a_machine_of_its_own_all_may_have_one_port() -> None:
    probe = PortProbe(is_free=lambda _address, _port: True, one_machine=False)
    guard = PortGuard(probe, own_pids=set, publish=lambda _proxy, _changes: None, on_taken=lambda *_: None)
    for proxy in (EDGE, ProxyId("elsewhere", "istio=inner")):
        assert guard.sift(proxy, {WEB.key: WEB}) == {WEB.key: WEB}
    assert not guard.held
