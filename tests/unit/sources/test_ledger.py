"""Which events follow from which readings of files."""

import pytest

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Origin, Problem, RawObject, Severity
from lateen.sources.base import FileProblem, FileReport, Move, SourceEvent
from lateen.sources.ledger import Ledger
from lateen.sources.yaml_documents import read_documents

KINDS = {kind.value for kind in Kind}


def identify(raw: RawObject) -> Key | Problem:
    """Name objects as simply as the rules under test allow."""
    if raw.get("kind") == "Deployment":
        return Problem(("kind",), "Deployment is not read", Severity.INFO)
    if raw.get("kind") not in KINDS:
        return Problem(("kind",), f"unknown kind {raw.get('kind')}")
    if not raw.get("name"):
        return Problem(("name",), "no name")
    return Key(Kind(raw["kind"]), "default", raw["name"])


class World:
    """A ledger fed with texts of files."""

    def __init__(self) -> None:
        """Begin with no files."""
        self.ledger = Ledger(identify)

    def write(self, **texts: str | None) -> list[SourceEvent]:
        """Write (or, with None, delete) the files `<name>.yaml` in one step."""
        files = {f"{name}.yaml": text for name, text in texts.items()}
        return self.ledger.update(
            {file: None if text is None else read_documents(text, file) for file, text in files.items()}
        )


@pytest.fixture
def world() -> World:
    return World()


def service(name: str, port: int = 80) -> str:
    return f"kind: Service\nname: {name}\nport: {port}\n"


def key(name: str) -> Key:
    return Key(Kind.SERVICE, "default", name)


def change(name: str, file: str, port: int = 80, line: int = 1, document: int = 0) -> Change:
    return Change(key(name), {"kind": "Service", "name": name, "port": port}, Origin(file, line, document))


def gone(name: str, file: str, line: int = 1, document: int = 0) -> Change:
    return Change(key(name), None, Origin(file, line, document))


def messages(events: list[SourceEvent]) -> dict[str, list[str]]:
    reports = [event for event in events if isinstance(event, FileReport)]
    return {report.file: [str(problem) for problem in report.problems] for report in reports}


def test_a_new_file_gives_its_objects(world: World) -> None:
    assert world.write(a=service("x") + "---\n" + service("w")) == [
        change("x", "a.yaml"),
        change("w", "a.yaml", line=5, document=1),
    ]


def test_only_the_object_that_changed_is_announced(world: World) -> None:
    world.write(a=service("x") + "---\n" + service("w"))
    assert world.write(a=service("x") + "---\n" + service("w", 81)) == [change("w", "a.yaml", 81, 5, 1)]


def test_the_order_of_fields_is_not_a_change(world: World) -> None:
    world.write(a="{kind: Service, name: x, port: 80}")
    assert world.write(a="{port: 80, name: x, kind: Service}") == []


def test_shifted_lines_are_a_move_and_not_a_change(world: World) -> None:
    world.write(a=service("x"))
    assert world.write(a="# note\n" + service("x")) == [Move(key("x"), Origin("a.yaml", 2, 0))]
    assert world.ledger.origin(key("x")) == Origin("a.yaml", 2, 0)


def test_a_deleted_document_or_file_takes_its_objects_away(world: World) -> None:
    world.write(a=service("x") + "---\n" + service("w"), b=service("z"))
    assert world.write(a=service("x"), b=None) == [gone("w", "a.yaml", 5, 1), gone("z", "b.yaml")]
    assert world.ledger.origin(key("z")) is None


def test_a_renamed_file_moves_its_objects(world: World) -> None:
    world.write(a=service("x"))
    assert world.write(b=service("x"), a=None) == [Move(key("x"), Origin("b.yaml", 1, 0))]
    assert world.write(a=service("x", 81), b=None) == [change("x", "a.yaml", 81)]


def test_a_broken_file_keeps_its_last_good_objects_as_a_whole_and_others_proceed(world: World) -> None:
    world.write(a=service("x") + "---\n" + service("w"), b=service("z"))
    events = world.write(a=service("x", 81) + "---\nkind: [\n", b=service("z", 81))
    assert events[0] == change("z", "b.yaml", 81)
    assert list(messages(events)) == ["a.yaml"]
    assert messages(events)["a.yaml"][0].startswith("a.yaml:6:1: did not find expected node content")
    healed = world.write(a=service("x", 82) + "---\n" + service("w"))
    assert healed == [change("x", "a.yaml", 82), FileReport("a.yaml")]


def test_a_file_broken_from_the_start_gives_what_can_be_read_and_never_loses_it(world: World) -> None:
    events = world.write(a=service("x") + "---\nkind: [\n")
    assert events[0] == change("x", "a.yaml")
    assert len(messages(events)["a.yaml"]) == 1
    assert not [event for event in world.write(a="kind: [\n") if isinstance(event, Change)]
    assert world.write(a=service("w")) == [gone("x", "a.yaml"), change("w", "a.yaml"), FileReport("a.yaml")]


def test_a_report_is_not_repeated(world: World) -> None:
    assert len(world.write(a="kind: [\n")) == 1
    assert world.write(a="kind: [\n") == []


def test_a_deleted_broken_file_takes_its_objects_and_its_report_away(world: World) -> None:
    world.write(a=service("x"))
    world.write(a="kind: [\n")
    assert world.write(a=None) == [gone("x", "a.yaml"), FileReport("a.yaml")]


def test_an_object_in_two_files_is_served_from_the_first_until_that_gives_it_up(world: World) -> None:
    world.write(b=service("x", 1))
    events = world.write(a="\n" + service("x", 2), c=service("x", 3))
    assert events == [
        FileReport(
            "a.yaml",
            (FileProblem("a.yaml", 2, 1, "Service/default/x is already defined in b.yaml:1, which stays in use"),),
        ),
        FileReport(
            "c.yaml",
            (FileProblem("c.yaml", 1, 1, "Service/default/x is already defined in b.yaml:1, which stays in use"),),
        ),
    ]
    after = world.write(b=None)
    assert after[0] == change("x", "a.yaml", 2, line=2)
    assert messages(after) == {
        "a.yaml": [],
        "c.yaml": ["c.yaml:1:1: Service/default/x is already defined in a.yaml:2, which stays in use"],
    }


def test_files_found_together_serve_in_order_of_their_paths(world: World) -> None:
    events = world.write(b=service("x", 2), a=service("x", 1))
    assert events[0] == change("x", "a.yaml", 1)
    assert list(messages(events)) == ["b.yaml"]


def test_a_waiting_object_takes_over_with_its_newest_content(world: World) -> None:
    world.write(a=service("x", 1), b=service("x", 2))
    world.write(b=service("x", 3))
    assert world.write(a="# nothing\n")[0] == change("x", "b.yaml", 3)


def test_a_waiting_object_with_the_same_content_takes_over_as_a_move(world: World) -> None:
    world.write(a=service("x"), b=service("x"))
    assert world.write(a=None) == [Move(key("x"), Origin("b.yaml", 1, 0)), FileReport("b.yaml")]


def test_an_object_twice_in_one_file_is_a_problem_of_the_second(world: World) -> None:
    events = world.write(a=service("x", 1) + "---\n" + service("x", 2))
    assert events[0] == change("x", "a.yaml", 1)
    assert messages(events) == {"a.yaml": ["a.yaml:5:1: Service/default/x is already defined in a.yaml:1"]}


def test_kinds_that_are_not_read_are_reported_and_take_nothing_with_them(world: World) -> None:
    events = world.write(a=service("x") + "---\nkind: Deployment\nname: w\n")
    assert events == [
        change("x", "a.yaml"),
        FileReport("a.yaml", (FileProblem("a.yaml", 5, 0, "Deployment is not read", Severity.INFO, ("kind",)),)),
    ]


@pytest.mark.parametrize("edited", ["kind: Servce\nname: w\nport: 81\n", "kind: Service\nport: 81\n"])
def test_an_object_whose_identity_is_lost_in_an_edit_stays_in_use(world: World, edited: str) -> None:
    world.write(a=service("x") + "---\n" + service("w"))
    events = world.write(a=service("x", 81) + "---\n" + edited)
    assert [event for event in events if isinstance(event, Change)] == [change("x", "a.yaml", 81)]
    assert len(messages(events)["a.yaml"]) == 1
    assert world.write(a=service("x", 81) + "---\n" + service("w", 82)) == [
        change("w", "a.yaml", 82, 5, 1),
        FileReport("a.yaml"),
    ]


def test_an_unnamed_document_with_another_name_keeps_nothing(world: World) -> None:
    world.write(a=service("x") + "---\n" + service("w"))
    events = world.write(a=service("x") + "---\nkind: Servce\nmetadata: {name: z}\n")
    assert gone("w", "a.yaml", 5, 1) in events
