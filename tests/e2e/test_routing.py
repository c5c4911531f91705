"""Requests through the node's port go where VirtualServices say, also while these change."""

from tests.e2e.cluster import Doors
from tests.e2e.kubernetes import Namespace, replace
from tests.e2e.scene import host_of, routes, to
from tests.integration.traffic.statistics import plausible

V1_ONLY = f"- route: [{to('web', 'v1')}]"


def test_requests_are_routed_by_path_and_others_get_404(doors: Doors, shop: Namespace) -> None:
    shop.apply(
        routes(
            "paths",
            f"""
- match: [{{uri: {{prefix: /one}}}}]
  route: [{to("web", "v1")}]
- match: [{{uri: {{prefix: /two}}}}]
  route: [{to("web", "v2")}]
""",
        )
    )
    shop.programmed("vs/paths")
    assert doors.http.answers(host_of("paths"), "/one/more").version == "v1"
    assert doors.http.answers(host_of("paths"), "/two").version == "v2"
    assert doors.http.ask(host_of("paths"), "/three").status == 404
    assert doors.http.ask("nobody.example.com", "/one").status == 404


def test_a_tenth_goes_to_the_canary_and_all_who_ask_for_it(doors: Doors, shop: Namespace) -> None:
    shop.apply(
        routes(
            "canary",
            f"""
- match: [{{headers: {{version: {{exact: v2}}}}}}]
  route: [{to("web", "v2")}]
- route: [{to("web", "v1", 90)}, {to("web", "v2", 10)}]
""",
        )
    )
    shop.programmed("vs/canary")
    with doors.http.load(host_of("canary"), rate=150, seconds=8) as load:
        load.wait()
    load.assert_nothing_failed()
    assert plausible(load.versions["v2"], load.requests, 0.1), load.versions
    asked = [doors.http.ask(host_of("canary"), headers={"version": "v2"}).version for _ in range(20)]
    assert asked == ["v2"] * 20


def test_a_canary_shifts_without_losing_a_request(doors: Doors, shop: Namespace) -> None:
    shop.apply(routes("shift", f"- route: [{to('web', 'v1', 100)}, {to('web', 'v2', 0)}]"))
    shop.programmed("vs/shift")
    with doors.http.load(host_of("shift")) as load:
        for share in (10, 50, 90, 100):
            shop.patch(
                "vs/shift",
                replace("/spec/http/0/route/0/weight", 100 - share),
                replace("/spec/http/0/route/1/weight", share),
            )
            shop.programmed("vs/shift")
    load.assert_nothing_failed()
    assert {"v1", "v2"} == set(load.versions)
    assert doors.http.versions(host_of("shift")) == {"v2"}


def test_a_route_moves_between_services_without_losing_a_request(doors: Doors, shop: Namespace) -> None:
    shop.apply(routes("moves", V1_ONLY))
    shop.programmed("vs/moves")
    with doors.http.load(host_of("moves")) as load:
        for version in ("v2", "v1", "v2", "v1", "v2"):
            shop.apply(routes("moves", f"- route: [{to('web', version)}]"))
            shop.programmed("vs/moves")
    load.assert_nothing_failed()
    assert doors.http.ask(host_of("moves")).version == "v2"
