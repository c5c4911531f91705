"""The law of the compiler: whatever the order of edits, the result is that of a full rebuild."""

from hypothesis import given, settings
from tests.property.worlds import Edit, Raw, scripts

from lateen.compile.compiler import Compiler
from lateen.compile.compiler import compile as compile_all
from lateen.compile.settings import CompileSettings
from lateen.ir.resource import Resource, ResourceKey
from lateen.model.keys import Key
from lateen.model.objects import Change
from lateen.validation.intake import Intake

SETTINGS = CompileSettings(one_host=True, mesh_port=15001)
INTAKE = Intake()


def resources_of(compiler: Compiler) -> dict[str, dict[ResourceKey, Resource]]:
    proxies = compiler.graph.placement.proxies.values
    return {str(proxy): compiler.resources(proxy) for proxy in proxies}


def admitted(batch: list[Edit], world: dict[Key, Raw]) -> None:
    """Keep in `world` what the compiler has: the last valid version of each object."""
    for key, raw in batch:
        if raw is None:
            world.pop(key, None)
        elif INTAKE.admit(key, raw).object is not None:
            world[key] = raw


@given(scripts)
@settings(max_examples=60)
def test_incremental_compilation_equals_a_full_rebuild(script: list[list[Edit]]) -> None:
    compiler = Compiler(SETTINGS, INTAKE)
    published: dict[str, dict[ResourceKey, Resource]] = {}
    world: dict[Key, Raw] = {}
    for batch in script:
        outcome = compiler.apply([Change(key, raw) for key, raw in batch])
        admitted(batch, world)
        for proxy, changed in outcome.resources.items():
            held = published.setdefault(str(proxy), {})
            for key, resource in changed.items():
                if resource is None:
                    held.pop(key, None)
                else:
                    held[key] = resource
        scratch, _ = compile_all([Change(key, raw) for key, raw in world.items()], SETTINGS, INTAKE)
        expected = resources_of(scratch)
        if compiler.graph.secrets.encoded.errors or scratch.graph.secrets.encoded.errors:
            continue  # a Secret that is gone or unusable keeps its last good material: history is meant to matter
        assert resources_of(compiler) == expected
        assert {proxy: held for proxy, held in published.items() if held} == {p: r for p, r in expected.items() if r}
        assert compiler.graph.findings.rules.values == scratch.graph.findings.rules.values
