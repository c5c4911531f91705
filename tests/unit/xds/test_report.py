"""What people are told about a stream."""

from tests.unit.xds.scene import CLUSTER, LISTENER, ROUTE, Scene, cluster, endpoints, listener, route, scope

from lateen.ir.resource import ResourceType
from lateen.xds.patience import GracePeriods
from lateen.xds.report import TypeReport


def of_type(scene: Scene, type_: ResourceType) -> TypeReport:
    (found,) = (each for each in scene.stream.report().types if each.type is type_)
    return found


def pending(scene: Scene) -> dict[str, str]:
    return {f"{each.key.type.name} {each.key.name}": each.reason for each in scene.stream.report().pending}


def test_resources_are_counted_when_they_are_acknowledged() -> None:
    scene = Scene(cluster("a"), cluster("b"))
    (response,) = scene.ask(CLUSTER)
    before = of_type(scene, CLUSTER)
    assert (before.count, before.under_way, before.version, before.acknowledged_at) == (0, 2, "", None)
    scene.now = 4.0
    scene.ack(response)
    after = of_type(scene, CLUSTER)
    assert (after.count, after.under_way, after.acknowledged_at, after.rejections) == (2, 0, 4.0, 0)


def test_proxies_with_the_same_resources_show_the_same_version_however_they_came_by_them() -> None:
    early = Scene(listener("a"))
    early.run(early.ask(LISTENER))
    alone = of_type(early, LISTENER).version
    early.run(early.publish(listener("b")))
    late = Scene(listener("b"), listener("a"))
    late.run(late.ask(LISTENER))
    assert of_type(late, LISTENER).version == of_type(early, LISTENER).version != alone


def test_refused_responses_are_counted() -> None:
    scene = Scene(listener("a"))
    scene.nack(*scene.ask(LISTENER))
    assert of_type(scene, LISTENER).rejections == 1


def test_only_types_that_the_proxy_asked_for_are_shown() -> None:
    scene = Scene(cluster("a"))
    scene.ask(LISTENER)
    assert [each.type for each in scene.stream.report().types] == [LISTENER]


def test_what_waits_is_shown_with_what_it_waits_for() -> None:
    scene = Scene(listener("l"), scope("s"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    scene.publish(cluster("new"), route("r", "new"))
    assert pending(scene) == {"ROUTE r": "waits for new"}


def test_many_reasons_are_shortened() -> None:
    scene = Scene(listener("l"), scope("s"))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    names = [f"c{number}" for number in range(5)]
    scene.publish(*(cluster(name) for name in names), route("r", *names))
    assert pending(scene) == {"ROUTE r": "waits for c0, c1, c2 and 2 more"}


def test_clusters_that_have_to_stay_are_shown_with_who_names_them() -> None:
    scene = Scene(cluster("a"), endpoints("a"), listener("l"), route("r", "a"), patience=GracePeriods(farewell=1.0))
    scene.run([*scene.start(), *scene.ask(ROUTE, "r")])
    scene.publish(without=[cluster("a")])
    assert pending(scene) == {"CLUSTER a": "is still named by r"}
    scene.ack(*scene.publish(route("r")))
    assert pending(scene) == {"CLUSTER a": "stays for late retries"}


def test_a_report_says_whose_it_is_and_since_when() -> None:
    scene = Scene(number=9)
    assert (scene.stream.report().stream.number, scene.stream.report().connected_at) == (9, 0.0)
