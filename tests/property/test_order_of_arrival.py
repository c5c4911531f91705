"""The result depends on what there is, never on when it came: versions included, so that proxies are sent nothing."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.worlds import Edit, Raw, edits, gateways

from lateen.compile.compiler import Compiler
from lateen.compile.compiler import compile as compile_all
from lateen.compile.settings import CompileSettings
from lateen.ir.finding import Finding
from lateen.ir.resource import Resource, ResourceKey
from lateen.model.keys import Key
from lateen.model.objects import Change
from lateen.validation.intake import Intake

SETTINGS = CompileSettings(one_host=True, mesh_port=15001)
INTAKE = Intake()

worlds = (
    st.lists(edits, min_size=1, max_size=12)
    .map(
        lambda found: {key: raw for key, raw in found if raw is not None and INTAKE.admit(key, raw).object is not None}
    )
    .filter(bool)
)
"""Valid objects, each once; at least one."""


def resources_of(compiler: Compiler) -> dict[str, dict[ResourceKey, Resource]]:
    proxies = compiler.graph.placement.proxies.values
    return {str(proxy): compiler.resources(proxy) for proxy in proxies}


def findings_of(compiler: Compiler, world: dict[Key, Raw]) -> dict[Key, tuple[Finding, ...]]:
    return {key: compiler.findings_of(key) for key in world}


def changes(batch: Sequence[Edit]) -> list[Change]:
    return [Change(key, raw) for key, raw in batch]


@given(worlds, st.data())
@settings(max_examples=60)
def test_the_order_of_a_batch_changes_nothing(world: dict[Key, Raw], data: st.DataObject) -> None:
    one, _ = compile_all(changes(list(world.items())), SETTINGS, INTAKE)
    other, _ = compile_all(changes(data.draw(st.permutations(list(world.items())))), SETTINGS, INTAKE)
    assert resources_of(one) == resources_of(other)
    assert findings_of(one, world) == findings_of(other, world)


@given(worlds, st.data())
@settings(max_examples=60)
def test_the_order_of_several_batches_changes_nothing(world: dict[Key, Raw], data: st.DataObject) -> None:
    together, _ = compile_all(changes(list(world.items())), SETTINGS, INTAKE)
    compiler = Compiler(SETTINGS, INTAKE)
    waiting = data.draw(st.permutations(list(world.items())))
    while waiting:
        size = data.draw(st.integers(1, len(waiting)))
        batch, waiting = waiting[:size], waiting[size:]
        compiler.apply(changes(batch))
    assert resources_of(compiler) == resources_of(together)
    assert findings_of(compiler, world) == findings_of(together, world)


@given(worlds, gateways(), edits, st.data())
@settings(max_examples=60)
def test_what_is_edited_and_put_back_has_the_same_versions(
    world: dict[Key, Raw], gateway: Edit, edit: Edit, data: st.DataObject
) -> None:
    compiler, _ = compile_all(changes(list(world.items())), SETTINGS, INTAKE)
    before, said = resources_of(compiler), findings_of(compiler, world)
    removed = data.draw(st.sampled_from(sorted(world)))
    edited: list[Edit] = [gateway, edit, (removed, None)]
    compiler.apply(changes(edited))
    compiler.apply([Change(key, world.get(key)) for key, _ in edited])
    assert resources_of(compiler) == before
    assert findings_of(compiler, world) == said
    scratch: Any = compile_all(changes(list(world.items())), SETTINGS, INTAKE)[0]
    assert resources_of(scratch) == before
