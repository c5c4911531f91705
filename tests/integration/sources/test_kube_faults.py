"""Whatever goes wrong on the way to the API server: nothing is lost, and nothing stays stale."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane
from tests.apiserver.fault_proxy import FaultProxy, lists, of, watches
from tests.integration.sources.conftest import QUICK, Follow, Namespace

from lateen.crds.definitions import definitions
from lateen.kube.session import AGENT
from lateen.model.keys import Key, Kind

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

ROUTES = "virtualservices"

_GATEWAY: Final[dict[str, Any]] = {
    "selector": {"app": "edge"},
    "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
}


async def test_a_list_in_pages_is_one_batch(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    names = [f"cart-{number}" for number in range(7)]
    for name in names:
        namespace.route(name)
    proxy.page = 2
    async with follow(proxy) as followed:
        assert len(followed.world.batches) == 1
        assert followed.world.names(Kind.VIRTUAL_SERVICE) == names
    assert sum(map(lists(ROUTES), proxy.requests)) >= 4


async def test_deletions_that_a_new_list_swallows_are_found(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    for name in ("cart", "basket", "shelf"):
        namespace.route(name)
    async with follow(proxy) as followed:
        world = followed.world
        await proxy.opened(watches(ROUTES))
        proxy.hang(watches(ROUTES))
        namespace.delete("VirtualService", "cart")
        namespace.delete("VirtualService", "shelf")
        namespace.route("counter")
        proxy.heal()
        await proxy.expire(watches(ROUTES))
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["basket", "counter"])
        assert followed.source.health.restarts == 0


async def test_the_last_object_of_a_kind_is_found_gone(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    namespace.route("cart")
    async with follow(proxy) as followed:
        await proxy.opened(watches(ROUTES))
        proxy.hang(watches(ROUTES))
        namespace.delete("VirtualService", "cart")
        proxy.heal()
        await proxy.expire(watches(ROUTES))
        await followed.world.until(lambda: not followed.world.objects)


async def test_the_watcher_starts_anew_when_the_api_server_fails_for_too_long(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    async with follow(proxy) as followed:
        world, health = followed.world, followed.source.health
        await proxy.opened(watches(ROUTES))
        proxy.fail(of(ROUTES), 503, times=8)
        await proxy.expire(watches(ROUTES))
        namespace.route("cart")
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])
        assert health.restarts >= 1
        assert health.connected


async def test_an_error_in_a_watch_loses_nothing(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    async with follow(proxy) as followed:
        world = followed.world
        await proxy.opened(watches(ROUTES))
        proxy.hang(watches(ROUTES))
        namespace.route("cart")
        proxy.heal()
        await proxy.break_off(watches(ROUTES))
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])
        assert followed.source.health.restarts == 1


async def test_a_watch_that_says_nothing_is_opened_again(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    async with follow(proxy, replace(QUICK, silence=1.0)) as followed:
        world = followed.world
        await proxy.opened(watches(ROUTES))
        opened = sum(map(watches(ROUTES), proxy.requests))
        proxy.hang(watches(ROUTES))
        namespace.route("cart")
        await proxy.asked(watches(ROUTES), opened + 1)
        proxy.heal()
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])


async def test_what_a_hung_watch_keeps_back_is_found_by_the_audit(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    namespace.route("basket")
    namespace.route("shelf")
    async with follow(proxy, replace(QUICK, audit_period=0.2, audit_patience=0.2)) as followed:
        world, health = followed.world, followed.source.health
        await proxy.opened(watches(ROUTES))
        proxy.hang(watches(ROUTES))
        namespace.route("cart")
        namespace.route("shelf", "new")
        namespace.delete("VirtualService", "basket")
        await world.until(
            lambda: (
                world.names(Kind.VIRTUAL_SERVICE) == ["cart", "shelf"]
                and "new" in str(world.spec(Kind.VIRTUAL_SERVICE, "shelf"))
            )
        )
        assert (health.missed_changes, health.missing_deletions) == (2, 1)
        proxy.heal()
        await proxy.asked(watches(ROUTES), sum(map(watches(ROUTES), proxy.requests)) + 1)
        namespace.route("cart", "newer")
        await world.until(lambda: "newer" in str(world.spec(Kind.VIRTUAL_SERVICE, "cart")))


async def test_an_audit_of_a_healthy_watch_finds_nothing(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    namespace.route("cart")
    async with follow(proxy, replace(QUICK, audit_period=0.1)) as followed:
        listed = sum(map(lists("pods"), proxy.requests))
        namespace.route("cart", "new")
        await proxy.asked(lists("pods"), listed + 2)
        health = followed.source.health
        assert (health.missed_changes, health.missing_deletions, health.restarts) == (0, 0, 0)
        assert health.audits >= 1


async def test_a_kind_that_the_api_server_does_not_know_when_the_watcher_starts_anew_is_followed_again(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    settings = replace(QUICK, kinds_period=0.2, start_patience=0.5)
    async with follow(proxy, settings) as followed:
        world, health = followed.world, followed.source.health
        await proxy.opened(watches(ROUTES))
        # As an API server that has just started does, before its definitions are served.
        proxy.fail(lambda request: request.path == "/apis/networking.istio.io/v1" and request.agent == AGENT, 404)
        await proxy.break_off(watches(ROUTES))
        namespace.route("cart")
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])
        assert (health.restarts, health.missed_changes) == (2, 0)


@pytest.fixture
def install(api: ApiClient) -> Iterator[Callable[[], None]]:
    """An API server without Sidecars, and how to give them back to it."""
    definition = definitions()["networking.istio.io_sidecars.yaml"]
    api.uninstall(definition)
    yield lambda: api.install([definition])
    api.install([definition])


async def test_a_kind_that_appears_later_is_followed(
    install: Callable[[], None], follow: Follow, namespace: Namespace
) -> None:
    async with follow() as followed:
        world = followed.world
        assert followed.source.health.absent == {Kind.SIDECAR}
        install()
        namespace.apply("Sidecar", "all", spec={"egress": [{"hosts": ["*/*"]}]})
        await world.until(lambda: world.names(Kind.SIDECAR) == ["all"])


async def test_a_token_that_ran_out_is_read_anew(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    async with follow(proxy) as followed:
        world = followed.world
        await proxy.opened(watches(ROUTES))
        opened = sum(map(watches(ROUTES), proxy.requests))
        proxy.fail(watches(ROUTES), 401)
        await proxy.expire(watches(ROUTES))
        await proxy.asked(watches(ROUTES), opened + 2)
        namespace.route("cart")
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])
        assert followed.source.health.restarts == 0


async def test_connections_that_are_refused_for_a_while_lose_nothing(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    namespace.route("basket")
    async with follow(proxy) as followed:
        world = followed.world
        await proxy.refuse()
        namespace.route("cart")
        namespace.delete("VirtualService", "basket")
        await proxy.accept()
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])


async def test_it_starts_before_the_api_server_does(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    namespace.route("cart")
    await proxy.refuse()
    async with follow(proxy, is_synced=False) as followed:
        assert not followed.world.synced.is_set()
        await proxy.accept()
        await followed.world.synced.wait()
        assert followed.world.names(Kind.VIRTUAL_SERVICE) == ["cart"]


async def test_a_watcher_that_cannot_read_a_kind_does_not_hold_up_the_start(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    namespace.route("cart")
    proxy.fail(lambda request: lists(ROUTES)(request) and request.agent == AGENT, 403, times=10**6)
    async with follow(proxy, replace(QUICK, start_patience=0.5)) as followed:
        assert followed.world.names(Kind.VIRTUAL_SERVICE) == ["cart"]
        assert not followed.source.health.connected


async def test_an_api_server_that_is_killed_and_comes_back_is_followed_on(
    follow: Follow, namespace: Namespace, control_plane: ControlPlane
) -> None:
    namespace.route("cart")
    async with follow() as followed:
        world = followed.world
        await asyncio.to_thread(control_plane.kill_server)
        await asyncio.to_thread(control_plane.start_server)
        namespace.route("cart", "new")
        namespace.route("basket")
        await world.until(lambda: "new" in str(world.spec(Kind.VIRTUAL_SERVICE, "cart")))
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["basket", "cart"])


async def test_a_watch_that_ends_goes_on_from_its_last_bookmark(
    api: ApiClient, follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    namespace.route("cart")
    proxy.watch_seconds = 4
    async with follow(proxy, replace(QUICK, backoffs=(0.05,) * 400)) as followed:
        world = followed.world
        await proxy.opened(watches(ROUTES))
        later = namespace.apply("Gateway", "edge", spec=_GATEWAY)["metadata"]["resourceVersion"]
        api.http.get(f"/apis/networking.istio.io/v1/{ROUTES}").raise_for_status()  # makes the server's cache catch up
        bookmark = await proxy.bookmarked(watches(ROUTES), int(later) - 1)
        await proxy.refuse()
        asked = len(proxy.requests)
        namespace.route("basket")
        namespace.delete("VirtualService", "cart")
        await proxy.accept()
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["basket"])
        routes = [request for request in proxy.requests[asked:] if request.plural == ROUTES]
        assert [request.is_watch for request in routes[:1]] == [True]
        assert routes[0].query["resourceVersion"] == str(bookmark)
        assert not any(map(lists(ROUTES), routes))
        health = followed.source.health
        assert (health.restarts, health.missed_changes, health.missing_deletions) == (0, 0, 0)


async def test_a_token_that_is_revoked_is_replaced_by_what_the_file_says(
    control_plane: ControlPlane, follow: Follow, namespace: Namespace, proxy: FaultProxy, tmp_path: Path
) -> None:
    old, new = control_plane.token(), control_plane.token("successor")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow(proxy) as followed:
        world = followed.world
        followed.source.want_secrets({tls})
        await proxy.opened(watches("secrets"))
        proxy.fail(lambda request: request.token == old, 401, times=10**6)
        (file,) = await asyncio.to_thread(lambda: [*tmp_path.glob("*.kubeconfig")])
        await asyncio.to_thread(lambda: file.write_text(file.read_text().replace(old, new)))
        await proxy.refuse()
        await proxy.accept()
        namespace.route("cart")
        namespace.apply("Secret", "tls", stringData={"tls.crt": "one"})
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"] and tls in world.objects)
        assert followed.source.health.connected
