"""A fault of the program at one object: it says so, and nobody else notices."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.compile.site import EDGE
from tests.unit.compile.test_compiler import GATEWAY, INTAKE, RULE, change, codes, gateway, rule

from lateen.compile.compiler import Compiler
from lateen.compile.compiler import compile as compile_all
from lateen.compile.faults import MOST_TRIES, Input, find_culprits
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived, EngineError, Table
from lateen.ir.resource import Resource, ResourceKey
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.validation.intake import Admission, Intake

BAD = Key(Kind.VIRTUAL_SERVICE, "shop", "bad")
Fault = Callable[[Compiler], None]


def good(number: int, status: int = 200) -> Change:
    return rule(status, f"shop/good-{number}", hosts=[f"g{number}.com"])


def bad(status: int = 500, *, host: str = "*.b.com") -> Change:
    return rule(status, "shop/bad", hosts=[host])


def is_bad(row: Any) -> bool:
    """Whether an input row is the one with the fault: it answers with 500."""
    return any(http.direct_response and http.direct_response.status == 500 for http in getattr(row.spec, "http", ()))


class FaultyIntake(Intake):
    """A door with a fault."""

    def admit(self, key: Key, raw: Any) -> Admission:
        admission = super().admit(key, raw)
        if admission.object is not None and is_bad(admission.object):
            raise KeyError("x")
        return admission


def in_an_index(compiler: Compiler) -> None:
    """Let an index of the input table fail."""

    def groups_of(_key: Key, value: Any) -> list[int]:
        return [1 // (not is_bad(value))]

    compiler.graph.engine.index("faulty", compiler.graph.inputs.virtual_services, groups_of)


def in_cells_of(name: str, error: type[Exception]) -> Fault:
    """Let cells fail as long as they read the bad object, or what is made of it."""

    def spoil(compiler: Compiler) -> None:
        inputs = compiler.graph.inputs
        table = compiler.graph.engine.tables[name]
        assert isinstance(table, Derived)
        compute = table.compute

        def faulty(reads: Any, key: Any) -> Any:
            result = compute(reads, key)
            row = reads.get(inputs.virtual_services, BAD)
            if row is not None and is_bad(row):
                raise error("a fault")
            return result

        table.compute = faulty

    return spoil


def resources_of(compiler: Compiler) -> dict[ResourceKey, Resource]:
    return compiler.resources(EDGE)


FAULTS: dict[str, tuple[type[Intake], Fault]] = {
    "the door": (FaultyIntake, lambda _: None),
    "an index": (Intake, in_an_index),
    "a shared cell": (Intake, in_cells_of("joined_routes", ValueError)),
    "the cell of a listener": (Intake, in_cells_of("listener_resources", RuntimeError)),
    "a cell that breaks a rule": (Intake, in_cells_of("listener_resources", EngineError)),
}


@pytest.fixture(params=FAULTS)
def compiler(request: pytest.FixtureRequest) -> Compiler:
    intake, spoil = FAULTS[request.param]
    made = Compiler(CompileSettings(), intake())
    spoil(made)
    return made


def scratch(*changes: Change) -> dict[ResourceKey, Resource]:
    made, _ = compile_all(changes, CompileSettings(), INTAKE)
    return resources_of(made)


def test_in_the_first_batch_all_others_are_served_as_if_it_were_not_there(compiler: Compiler) -> None:
    outcome = compiler.apply([gateway(), good(1), bad(), good(2), good(3)])
    assert (outcome.refused, len(outcome.accepted)) == ((BAD,), 4)
    assert codes(outcome, BAD) == ["LAT0001"]
    assert "please report it" in outcome.findings[BAD][0].message
    assert not any(codes(outcome, key) for key in outcome.accepted)
    assert resources_of(compiler) == scratch(gateway(), good(1), good(2), good(3))


def test_the_order_of_the_first_batch_makes_no_difference(compiler: Compiler) -> None:
    outcome = compiler.apply([good(1), bad(), good(2), gateway()])
    assert outcome.refused == (BAD,)
    assert resources_of(compiler) == scratch(gateway(), good(1), good(2))


def test_in_a_later_batch_its_last_good_version_stays_and_all_others_get_on(compiler: Compiler) -> None:
    compiler.apply([gateway(), good(1), bad(200), good(2)])
    outcome = compiler.apply([good(1, 404), bad(), good(3)])
    assert outcome.refused == (BAD,)
    assert resources_of(compiler) == scratch(gateway(), good(1, 404), bad(200), good(2), good(3))
    assert codes(compiler.apply([good(2, 404)]), good(2).key) == []
    assert [finding.code for finding in compiler.findings_of(BAD)] == ["LAT0001"]
    assert resources_of(compiler) == scratch(gateway(), good(1, 404), bad(200), good(2, 404), good(3))


def test_it_is_tried_again_when_it_changes_and_forgotten_when_it_goes(compiler: Compiler) -> None:
    compiler.apply([gateway(), good(1), bad()])
    outcome = compiler.apply([bad(201)])
    assert (outcome.accepted, codes(outcome, BAD)) == ((BAD,), [])
    assert resources_of(compiler) == scratch(gateway(), good(1), bad(201))
    compiler.apply([bad()])
    outcome = compiler.apply([Change(BAD, None)])
    assert (outcome.removed, codes(outcome, BAD)) == ((BAD,), [])
    assert resources_of(compiler) == scratch(gateway(), good(1))


def test_what_one_object_alone_is_about_keeps_its_cell_and_the_rest_of_it_is_served() -> None:
    compiler = Compiler(CompileSettings(), INTAKE)
    in_cells_of("rule_findings", ValueError)(compiler)
    outcome = compiler.apply([gateway(), good(1), bad()])
    assert BAD in outcome.accepted
    assert codes(outcome, BAD) == ["LAT0001"]
    assert resources_of(compiler) == scratch(gateway(), good(1), bad())


def test_a_change_that_makes_a_cell_of_another_object_fail_is_taken_back() -> None:
    compiler = Compiler(CompileSettings(), INTAKE)
    in_cells_of("route_lists", ValueError)(compiler)
    compiler.apply([gateway(), good(1), bad(200)])
    outcome = compiler.apply([bad()])
    assert outcome.refused == (BAD,)
    assert codes(outcome, BAD) == ["LAT0001"]
    assert codes(compiler.apply([good(1, 404)]), good(1).key) == []
    assert resources_of(compiler) == scratch(gateway(), good(1, 404), bad(200))


def test_a_change_of_what_is_the_case_is_never_taken_back() -> None:
    compiler = Compiler(CompileSettings(), INTAKE)
    in_cells_of("listener_resources", ValueError)(compiler)
    compiler.apply([gateway(), rule()])
    service = change(Kind.SERVICE, "shop/cart", spec={"ports": [{"port": 80}]})
    broken = INTAKE.admit(BAD, bad().raw or {}).object
    compiler.graph.engine.set(compiler.graph.inputs.virtual_services, BAD, broken)
    assert compiler.apply([service]).accepted == (service.key,)
    assert service.key in compiler.graph.inputs.services.values


def test_findings_of_many_faults_cost_as_much_as_there_are() -> None:
    def looks(number: int) -> int:
        """Count how often errors are looked up while so many objects fail."""
        compiler = Compiler(CompileSettings(), INTAKE)
        table = compiler.graph.findings.rules

        def faulty(_reads: Any, _key: Any) -> Any:
            raise ValueError("a fault")

        table.compute = faulty
        asked = 0

        class Counting(dict[Any, Exception]):
            def get(self, key: Any, default: Any = None) -> Any:
                nonlocal asked
                asked += 1
                return super().get(key, default)

            def __getitem__(self, key: Any) -> Exception:
                nonlocal asked
                asked += 1
                return super().__getitem__(key)

        table.failures = Counting()
        table.errors = table.failures
        outcome = compiler.apply([gateway(), *(good(each) for each in range(number))])
        assert sum(finding.code == "LAT0001" for found in outcome.findings.values() for finding in found) == number
        return asked

    assert looks(200) <= 2 * looks(100)


@pytest.mark.parametrize("guilty", [{3}, {0, 99}, {10, 11, 12}])
def test_halving_finds_exactly_those_that_fail(guilty: set[int]) -> None:
    table: Table[Key, Any] = Compiler(CompileSettings(), INTAKE).graph.inputs.gateways
    changes = {Key(Kind.GATEWAY, "a", str(each)): Input(table, None, each) for each in range(100)}
    state = {key: each.after for key, each in changes.items()}
    tries = 0

    def put(group: Any, *, back: bool) -> None:
        state.update({key: each.before if back else each.after for key, each in group})

    def failure() -> tuple[str, Exception] | None:
        nonlocal tries
        tries += 1
        return ("table", ValueError()) if guilty & {value for value in state.values() if value is not None} else None

    found = find_culprits(changes, put, failure)
    assert {int(key.name) for key in found} == guilty
    assert {value for value in state.values() if value is not None} == set(range(100)) - guilty
    assert tries <= 2 + 2 * 8 * len(guilty)


def test_where_nearly_all_fail_everything_stays() -> None:
    table: Table[Key, Any] = Compiler(CompileSettings(), INTAKE).graph.inputs.gateways
    changes = {Key(Kind.GATEWAY, "a", str(each)): Input(table, None, each) for each in range(1000)}
    state = {key: each.after for key, each in changes.items()}
    tries = 0

    def put(group: Any, *, back: bool) -> None:
        nonlocal tries
        tries += 1
        state.update({key: each.before if back else each.after for key, each in group})

    def failure() -> tuple[str, Exception] | None:
        return ("table", ValueError()) if any(value is not None for value in state.values()) else None

    assert not find_culprits(changes, put, failure)
    assert state == {key: each.after for key, each in changes.items()}
    assert tries < 3 * MOST_TRIES


def test_where_taking_back_does_not_help_everything_stays() -> None:
    table: Table[Key, Any] = Compiler(CompileSettings(), INTAKE).graph.inputs.gateways
    changes = {GATEWAY: Input(table, None, 1), RULE: Input(table, None, 2)}
    calls: list[bool] = []
    assert not find_culprits(changes, lambda _, back: calls.append(back), lambda: ("table", ValueError()))
    assert calls == [True, False]
