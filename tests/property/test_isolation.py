"""No bad object ever hurts another."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.worlds import Edit, Raw, scripts

from lateen.compile.compiler import Compiler
from lateen.compile.settings import CompileSettings
from lateen.model.keys import Kind
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
