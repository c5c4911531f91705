"""No bad object ever hurts another."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.worlds import Edit, Raw, scripts

from lateen.compile.compiler import Compiler, Outcome
from lateen.compile.compiler import compile as compile_all
from lateen.compile.settings import CompileSettings
from lateen.engine import Derived
from lateen.model.keys import Key, Kind
from lateen.model.objects import Change
from lateen.validation.intake import Intake

INTAKE = Intake()

nonsense = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
    st.fixed_dictionaries({"http": st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=4)), max_size=2)}),
)


@given(scripts, st.data(), nonsense)
@settings(max_examples=60)
def test_an_object_that_turns_bad_keeps_its_version_and_changes_nothing(
    script: list[list[Edit]], data: st.DataObject, spec: Any
) -> None:
    compiler = Compiler(CompileSettings(), INTAKE)
    world: dict[Any, Raw] = {}
    for batch in script:
        compiler.apply([Change(key, raw) for key, raw in batch])
        for key, raw in batch:
            if raw is None:
                world.pop(key, None)
            else:
                world[key] = raw
    candidates = sorted(key for key in world if key.kind in {Kind.VIRTUAL_SERVICE, Kind.GATEWAY, Kind.DESTINATION_RULE})
    if not candidates:
        return
    victim = data.draw(st.sampled_from(candidates))
    broken = {**world[victim], "spec": spec}
    if INTAKE.admit(victim, broken).object is not None:
        return
    outcome = compiler.apply([Change(victim, broken)])
    assert outcome.refused == (victim,)
    assert outcome.resources == {}
    assert any(finding.code == "LAT0101" for finding in outcome.findings[victim])


_SHARED = (
    "gateway_servers",
    "listeners",
    "listener_resources",
    "joined_routes",
    "route_lists",
    "host_routes",
    "clusters",
)
"""Tables of which some cells are about several objects."""


def spoil(compiler: Compiler, table: str, victim: Key, bad: set[int]) -> None:
    """Let all cells of a table fail while the victim is what it must not be."""
    found = compiler.graph.engine.tables[table]
    rows = compiler.graph.inputs.table(victim.kind)
    assert isinstance(found, Derived)
    assert rows is not None
    compute = found.compute

    def faulty(reads: Any, key: Any) -> Any:
        result = compute(reads, key)
        row = reads.get(rows, victim)
        if row is not None and row.generation in bad:
            raise ValueError("a fault")
        return result

    found.compute = faulty


def numbered(batch: list[Edit], numbers: Iterator[int]) -> list[Change]:
    """Give each version of an object a number of its own; one version of each object a batch."""
    return [
        Change(key, raw if raw is None else {**raw, "metadata": {**raw["metadata"], "generation": next(numbers)}})
        for key, raw in dict(batch).items()
    ]


def note(world: dict[Key, Raw], changes: list[Change], refused: tuple[Key, ...]) -> None:
    """Keep in `world` what is in use."""
    for key, raw in ((change.key, change.raw) for change in changes):
        if raw is None:
            world.pop(key, None)
        elif key not in refused:
            world[key] = raw


def failed(outcome: Outcome, key: Key) -> set[str]:
    """Say by which codes an object was kept out."""
    return {finding.code for finding in outcome.findings[key]} & {"LAT0001", "LAT0101"}


@given(scripts, st.data())
@settings(max_examples=60)
def test_an_object_at_which_the_program_fails_keeps_its_version_and_all_others_get_on(
    script: list[list[Edit]], data: st.DataObject
) -> None:
    kinds = {Kind.VIRTUAL_SERVICE, Kind.GATEWAY, Kind.DESTINATION_RULE}
    victims = sorted({key for batch in script for key, raw in batch if key.kind in kinds and raw is not None})
    if not victims:
        return
    victim, table = data.draw(st.sampled_from(victims)), data.draw(st.sampled_from(_SHARED))
    compiler = Compiler(CompileSettings(), INTAKE)
    numbers, bad = count(data.draw(st.integers(0, 1))), set(range(0, 64, 2))
    spoil(compiler, table, victim, bad)
    rows = compiler.graph.inputs.by_kind[victim.kind].values
    world: dict[Key, Raw] = {}
    for batch in script:
        changes = numbered(batch, numbers)
        outcome = compiler.apply(changes)
        note(world, changes, outcome.refused)
        assert all(failed(outcome, key) <= {"LAT0101"} for key in outcome.findings if key != victim)
        if victim in rows and rows[victim].generation in bad:
            return  # nobody else suffers: there is nothing yet that would fail by it, or what fails is its own
        if compiler.graph.secrets.encoded.errors:
            continue  # a Secret that is gone or unusable keeps its last good material
        scratch, _ = compile_all([Change(key, raw) for key, raw in world.items()], CompileSettings(), INTAKE)
        for proxy in scratch.graph.placement.proxies.values:
            assert compiler.resources(proxy) == scratch.resources(proxy)
