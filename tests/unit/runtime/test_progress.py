"""Which resources an object has a part in, and how far proxies are with them."""

from dataclasses import replace

from tests.unit.runtime.stage import CART, EDGE, GATEWAY, ROUTES, Stage, key

from lateen.ir.resource import ResourceType
from lateen.runtime.progress import Parts
from lateen.status.conditions import Progress


def progress(stage: Stage, text: str) -> Progress | None:
    streams = stage.streams
    return stage.control.parts.progress(
        key(text), stage.cache, lambda proxy: [each for each in streams if each.stream.proxy == proxy]
    )


async def test_an_object_without_resources_makes_no_progress() -> None:
    stage = Stage()
    stage.apply(ROUTES, CART)
    assert progress(stage, ROUTES) is None
    assert Parts().of(key(ROUTES)) == frozenset()


async def test_an_object_has_a_part_in_each_resource_that_names_it() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    types = {each.type for _, each in stage.control.parts.of(key(CART))}
    assert types == {ResourceType.CLUSTER, ResourceType.ENDPOINTS}
    stage.remove(ROUTES)
    assert stage.control.parts.of(key(ROUTES)) == frozenset()


async def test_whoever_is_behind_a_resource_that_changes_is_concerned() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    desired = stage.cache.desired(EDGE)
    assert desired is not None
    parts, cluster = stage.control.parts, next(each for each in desired.published() if key(CART) in each.origins)
    by_both = replace(cluster, version="2", origins=(key(CART), key(ROUTES)))
    assert parts.update(EDGE, desired, {cluster.key: by_both}) == ((key(ROUTES),), (key(CART),))
    assert parts.update(EDGE, desired, {cluster.key: None}) == ((key(CART),), ())


async def test_every_connected_proxy_counts_and_a_class_without_any_is_named() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    assert progress(stage, ROUTES) == Progress(absent=frozenset({str(EDGE)}))
    first = stage.connect(EDGE)
    stage.connect(EDGE)
    first.run()
    assert progress(stage, ROUTES) == Progress(proxies=2, acknowledged=1)


async def test_what_a_proxy_refuses_is_remembered_with_its_words() -> None:
    stage = Stage()
    stage.apply(GATEWAY, ROUTES, CART)
    proxy = stage.connect()
    proxy.refuses["http.10080/shop.example.com"] = "bad regex"
    proxy.run()
    assert progress(stage, ROUTES) == Progress(1, 0, "http.10080/shop.example.com: bad regex")
