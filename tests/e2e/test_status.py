"""Each object says whether it is live and what is wrong with it; a bad one bothers no other."""

from tests.e2e.cluster import Doors
from tests.e2e.commands import eventually
from tests.e2e.kubernetes import Namespace, replace
from tests.e2e.scene import host_of, routes, rule, service, to


def test_a_bad_object_says_why_and_others_are_served(doors: Doors, shop: Namespace) -> None:
    shop.apply(routes("good", f"- route: [{to('web', 'v1')}]"), routes("bad", f"- route: [{to('web', 'v1')}]"))
    shop.programmed("vs/good", "vs/bad")
    with doors.http.load(host_of("bad")) as bad, doors.http.load(host_of("good"), rate=40) as good:
        shop.apply(
            routes("good", f"- route: [{to('web', 'v2')}]"),
            routes("bad", f'- match: [{{uri: {{regex: "(["}}}}]\n  route: [{to("web", "v2")}]'),
        )
        shop.says("vs", "bad", "Accepted", "False", "spec.http[0].match[0].uri.regex")
        assert shop.conditions("vs", "bad")["Programmed"]["status"] == "False"
        shop.programmed("vs/good")
    bad.assert_nothing_failed()
    good.assert_nothing_failed()
    assert doors.http.ask(host_of("good")).version == "v2"
    assert doors.http.ask(host_of("bad")).version == "v1", "the last good version stays"
    eventually(lambda: shop.events("Invalid", "bad"), what="an Event says that it is refused")
    shop.apply(routes("bad", f"- route: [{to('web', 'v2')}]"))
    shop.programmed("vs/bad")


def test_what_does_not_exist_is_named_and_comes_alive_when_it_does(doors: Doors, shop: Namespace) -> None:
    shop.apply(routes("dangling", f"- route: [{to('web', 'v9')}]"))
    shop.says("vs", "dangling", "ResolvedRefs", "False", "v9")
    doors.http.answers(host_of("dangling"), status=503)
    shop.apply(rule("web-v9", "web", subsets=("v9",)))
    shop.says("vs", "dangling", "ResolvedRefs", "True")
    shop.delete("dr/web-v9")


def test_an_object_that_nobody_uses_says_why(shop: Namespace) -> None:
    shop.apply(routes("lonely", f"- route: [{to('web')}]", gateway="nowhere"))
    shop.says("vs", "lonely", "ResolvedRefs", "False", "nowhere")
    assert shop.conditions("vs", "lonely")["Programmed"]["status"] == "Unknown"


def test_what_envoy_refuses_says_so_in_envoys_words(doors: Doors, shop: Namespace) -> None:
    shop.apply(
        service("plain", app="web"),
        rule("plain", "plain", "connectionPool: {http: {http1MaxPendingRequests: 100}}"),
        routes("refused", f"- route: [{to('plain')}]"),
    )
    shop.programmed("vs/refused", "dr/plain")
    with doors.http.load(host_of("refused")) as load:
        shop.apply(rule("plain", "plain", "tls: {mode: SIMPLE, caCertificates: /nowhere/authority.crt}"))
        said = shop.says("dr", "plain", "Programmed", "False", "/nowhere/authority.crt")
        assert said["reason"] == "Rejected"
        eventually(lambda: shop.events("Rejected", "plain"), what="an Event says that it is refused")
    load.assert_nothing_failed()
    shop.apply(rule("plain", "plain"))
    shop.programmed("vs/refused", "dr/plain")


def test_status_tells_of_which_generation_it_speaks(shop: Namespace) -> None:
    shop.apply(routes("generation", f"- route: [{to('web', 'v1', 50)}, {to('web', 'v2', 50)}]"))
    for share in (10, 20, 30):
        shop.patch(
            "vs/generation",
            replace("/spec/http/0/route/0/weight", share),
            replace("/spec/http/0/route/1/weight", 100 - share),
        )
        shop.programmed("vs/generation")
        found = shop.get("vs", "generation")
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
