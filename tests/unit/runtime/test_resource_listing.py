"""What `dump` lists, and in which order."""

from tests.unit.runtime.stage import CART, EDGE, GATEWAY, ROUTES, Stage

from lateen.runtime.resource_listing import ResourceFields, ResourceGroup, list_resources


def listed(group: ResourceGroup = ResourceGroup.ALL, *, proxy: str = "*", name: str = "*") -> list[ResourceFields]:
    stage = Stage()
    stage.apply(CART, ROUTES, GATEWAY)
    return list_resources({EDGE: stage.cache.snapshot(EDGE).values()}, group, proxy=proxy, name=name)


def test_resources_come_in_the_order_in_which_a_request_meets_them() -> None:
    assert [(each["type"], each["name"]) for each in listed()] == [
        ("listeners", "127.0.0.1_10080"),
        ("scopes", "http.10080|shop.example.com"),
        ("routes", "http.10080/shop.example.com"),
        ("clusters", "outbound|8080||cart.default.svc.cluster.local"),
        ("endpoints", "outbound|8080||cart.default.svc.cluster.local"),
    ]


def test_each_resource_names_its_proxy_and_the_objects_behind_it() -> None:
    (route,) = listed(ResourceGroup.ROUTES)
    assert (route["proxy"], route["origins"], route["state"]) == (
        "shared/app=edge",
        ["VirtualService/default/shop"],
        "",
    )
    assert route["resource"]["name"] == "http.10080/shop.example.com"


def test_resources_are_found_by_pattern() -> None:
    assert [each["type"] for each in listed(name="*cart*")] == ["clusters", "endpoints"]
    assert len(listed(proxy="app=*")) == len(listed(proxy="shared/*")) == 5
    assert listed(proxy="other") == []
