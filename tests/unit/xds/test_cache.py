"""What is published, and who hears of it."""

import pytest
from tests.unit.xds.scene import CLUSTER, PROXY, cluster, listener

from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceKey
from lateen.xds.cache import ResourceCache

OTHER = ProxyId("edge", "all")


def test_a_class_exists_from_its_first_publication_even_if_it_is_empty() -> None:
    cache = ResourceCache()
    cache.publish(PROXY, {})
    assert cache.proxies == {PROXY}
    assert cache.snapshot(PROXY) == {}


def test_a_snapshot_holds_what_was_put_in_and_not_taken_out() -> None:
    cache = ResourceCache()
    cache.publish(PROXY, {each.key: each for each in (cluster("a"), cluster("b"), listener("l"))})
    cache.publish(PROXY, {cluster("a").key: None})
    assert cache.snapshot(PROXY) == {each.key: each for each in (cluster("b"), listener("l"))}


def test_a_snapshot_does_not_change_afterwards() -> None:
    cache = ResourceCache()
    cache.publish(PROXY, {cluster("a").key: cluster("a")})
    snapshot = cache.snapshot(PROXY)
    cache.publish(PROXY, {cluster("a").key: None})
    assert snapshot == {cluster("a").key: cluster("a")}


def test_streams_hear_of_changed_keys_only() -> None:
    cache = ResourceCache()
    cache.publish(PROXY, {each.key: each for each in (cluster("a"), cluster("b"))})
    heard: list[tuple[ResourceKey, ...]] = []
    cache.subscribe(PROXY, heard.append)
    cache.publish(PROXY, {cluster("a").key: cluster("a"), cluster("b").key: cluster("b", "2"), cluster("c").key: None})
    cache.publish(PROXY, {cluster("a").key: cluster("a")})
    assert heard == [(cluster("b").key,)]


def test_streams_hear_of_their_own_class_only_and_until_they_leave() -> None:
    cache = ResourceCache()
    heard: list[tuple[ResourceKey, ...]] = []
    leave = cache.subscribe(PROXY, heard.append)
    cache.publish(OTHER, {cluster("a").key: cluster("a")})
    leave()
    cache.publish(PROXY, {cluster("a").key: cluster("a")})
    assert heard == []


def test_a_removed_class_is_gone_and_announced() -> None:
    cache = ResourceCache()
    heard: list[frozenset[ProxyId]] = []
    cache.subscribe_proxies(lambda: heard.append(cache.proxies))
    cache.publish(PROXY, {cluster("a").key: cluster("a")})
    cache.remove(PROXY)
    cache.remove(PROXY)
    assert heard == [frozenset({PROXY}), frozenset()]
    assert cache.snapshot(PROXY) == {}


def test_a_resource_cannot_be_published_under_another_key() -> None:
    with pytest.raises(ValueError, match="'a' is published as 'b'"):
        ResourceCache().publish(PROXY, {ResourceKey(CLUSTER, "b"): cluster("a")})
