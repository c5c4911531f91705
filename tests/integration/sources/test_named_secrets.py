"""The Secrets that are asked for are read and followed, and no other one ever is."""

import base64
from dataclasses import replace

import pytest
from tests.apiserver.fault_proxy import FaultProxy, Request, of, watches
from tests.apiserver.following import Following
from tests.integration.sources.conftest import QUICK, Follow, Namespace

from lateen.model.keys import Key, Kind

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

SECRETS = "secrets"


def put(namespace: Namespace, name: str, content: str) -> None:
    namespace.apply("Secret", name, data={"tls.crt": base64.b64encode(content.encode()).decode()})


def content(world: Following, key: Key) -> str:
    change = world.objects.get(key)
    return base64.b64decode(change.raw["data"]["tls.crt"]).decode() if change is not None and change.raw else ""


def names(request: Request) -> str:
    return request.query.get("fieldSelector", "")


async def test_what_is_asked_for_is_read_and_followed(follow: Follow, namespace: Namespace) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow() as followed:
        world = followed.world
        followed.source.want_secrets({tls})
        await world.until(lambda: content(world, tls) == "one")
        put(namespace, "tls", "two")
        await world.until(lambda: content(world, tls) == "two")
        namespace.delete("Secret", "tls")
        await world.until(lambda: tls not in world.objects)
        put(namespace, "tls", "three")
        await world.until(lambda: content(world, tls) == "three")


async def test_what_is_not_asked_for_is_never_read(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    put(namespace, "tls", "one")
    put(namespace, "private", "nobody")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow(proxy) as followed:
        followed.source.want_secrets({tls})
        await followed.world.until(lambda: content(followed.world, tls) == "one")
    asked = [request for request in proxy.requests if SECRETS in request.path]
    assert {(request.path, names(request)) for request in asked} == {
        (f"/api/v1/namespaces/{namespace.name}/secrets", "metadata.name=tls")
    }


async def test_what_is_asked_for_while_all_is_read_comes_as_well(follow: Follow, namespace: Namespace) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow(is_synced=False) as followed:
        followed.source.want_secrets({tls})
        await followed.world.until(lambda: content(followed.world, tls) == "one")


async def test_what_is_not_asked_for_any_more_is_gone_and_can_come_back(follow: Follow, namespace: Namespace) -> None:
    put(namespace, "tls", "one")
    put(namespace, "other", "two")
    tls, other = (Key(Kind.SECRET, namespace.name, name) for name in ("tls", "other"))
    async with follow() as followed:
        world = followed.world
        followed.source.want_secrets({tls, other})
        await world.until(lambda: world.names(Kind.SECRET) == ["other", "tls"])
        followed.source.want_secrets({other})
        await world.until(lambda: world.names(Kind.SECRET) == ["other"])
        followed.source.want_secrets({tls})
        await world.until(lambda: world.names(Kind.SECRET) == ["tls"])


async def test_one_that_is_not_there_is_noticed_when_it_comes(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow(proxy) as followed:
        followed.source.want_secrets({tls})
        await proxy.opened(watches(SECRETS))
        assert tls not in followed.world.objects
        put(namespace, "tls", "one")
        await followed.world.until(lambda: content(followed.world, tls) == "one")


async def test_many_are_all_followed(follow: Follow, namespace: Namespace) -> None:
    keys = {Key(Kind.SECRET, namespace.name, f"tls-{number:03}") for number in range(150)}
    for key in keys:
        put(namespace, key.name, "one")
    async with follow() as followed:
        world = followed.world
        followed.source.want_secrets(keys)
        await world.until(lambda: len(world.names(Kind.SECRET)) == len(keys))
        for key in keys:
            put(namespace, key.name, "two")
        await world.until(lambda: all(content(world, key) == "two" for key in keys))


async def test_one_that_expired_is_listed_anew(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow(proxy) as followed:
        world = followed.world
        followed.source.want_secrets({tls})
        await proxy.opened(watches(SECRETS))
        proxy.hang(watches(SECRETS))
        namespace.delete("Secret", "tls")
        proxy.heal()
        await proxy.expire(watches(SECRETS))
        await world.until(lambda: tls not in world.objects)


async def test_a_watch_that_says_nothing_is_opened_again(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    async with follow(proxy, replace(QUICK, silence=0.5)) as followed:
        world = followed.world
        followed.source.want_secrets({tls})
        await proxy.opened(watches(SECRETS))
        opened = sum(map(watches(SECRETS), proxy.requests))
        proxy.hang(watches(SECRETS))
        put(namespace, "tls", "two")
        await proxy.asked(watches(SECRETS), opened + 1)
        proxy.heal()
        await world.until(lambda: content(world, tls) == "two")


async def test_a_watch_that_ends_goes_on_from_its_last_bookmark(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    proxy.watch_seconds = 4
    async with follow(proxy) as followed:
        world = followed.world
        followed.source.want_secrets({tls})
        await proxy.opened(watches(SECRETS))
        begun = next(filter(watches(SECRETS), proxy.requests)).query["resourceVersion"]
        put(namespace, "other", "nobody")
        bookmark = await proxy.bookmarked(watches(SECRETS), int(begun))
        await proxy.asked(watches(SECRETS), 2)
        *_, latest = filter(watches(SECRETS), proxy.requests)
        assert latest.query["resourceVersion"] == str(bookmark)
        put(namespace, "tls", "two")
        await world.until(lambda: content(world, tls) == "two")
        assert [request.is_watch for request in proxy.requests if request.plural == SECRETS].count(False) == 1


async def test_one_that_cannot_be_read_is_tried_again(follow: Follow, namespace: Namespace, proxy: FaultProxy) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    proxy.fail(of(SECRETS), 500, times=1)
    async with follow(proxy) as followed:
        followed.source.want_secrets({tls})
        await proxy.asked(of(SECRETS))
        await followed.world.until(lambda: content(followed.world, tls) == "one")
        assert followed.source.health.failing_secrets == {}


async def test_one_that_is_forbidden_is_told_and_harms_nothing_else(
    follow: Follow, namespace: Namespace, proxy: FaultProxy
) -> None:
    put(namespace, "tls", "one")
    tls = Key(Kind.SECRET, namespace.name, "tls")
    proxy.fail(of(SECRETS), 403, times=10**6)
    async with follow(proxy) as followed:
        world = followed.world
        followed.source.want_secrets({tls})
        await proxy.asked(of(SECRETS), 2)
        assert tls in followed.source.health.failing_secrets
        namespace.route("cart")
        await world.until(lambda: world.names(Kind.VIRTUAL_SERVICE) == ["cart"])
        assert tls not in world.objects
