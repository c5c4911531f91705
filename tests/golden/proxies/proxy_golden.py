"""A golden of proxies: Gateways in, and the objects that run their proxies in a cluster.

`in.yaml` is compiled as the operator would; `manifests.yaml` has every object, `findings.txt`
everything that is said about the input. `# scope: cluster` at its top shares proxies.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from lateen.cli.yaml_text import to_yaml
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.infra.naming import APPLIED
from lateen.infra.pods import BOOTSTRAP, DRAIN, PORT_RULES, ControlPlane, plan_pods
from lateen.infra.render import CONFIG, Renderer
from lateen.kube.client import Manifest
from lateen.runtime.offline import Offline, compile_files
from lateen.settings import ProxyDefaults
from lateen.validation.intake import Intake

FOLDER: Final = Path(__file__).parent
INPUT: Final = "in.yaml"
FULL: Final = "plain"
"""The golden that shows the files of pods as well."""

_SYSTEM: Final = "lateen-system"
_XDS: Final = ControlPlane(f"lateen-xds.{_SYSTEM}.svc:18000", f"lateen-xds.{_SYSTEM}.svc", "/dev/stdout")
_HASHES: Final = frozenset({APPLIED, CONFIG})


def names() -> list[str]:
    """Every folder with an input."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{INPUT}"))


@cache
def renderer() -> Renderer:
    """Read the templates once."""
    return Renderer.load()


def manifests_of(name: str) -> list[Manifest]:
    """What the input of one folder is run by."""
    offline = _compile(name)
    found = (each for _, each in sorted(offline.outcome.deployments.items()) if each is not None)
    return [
        manifest
        for deployment in found
        for manifest in renderer().render(plan_pods(deployment, _XDS), ProxyDefaults(image="lateen-proxy:1"), _SYSTEM)
    ]


def files(name: str) -> Iterator[tuple[Path, str]]:
    """What the input of one folder becomes: where each text belongs, and the text."""
    shown = [_show(manifest, full=name == FULL) for manifest in manifests_of(name)]
    yield FOLDER / name / "manifests.yaml", "---\n".join(map(to_yaml, shown))
    findings = "".join(f"{each}\n" for each in _compile(name).notices())
    yield FOLDER / name / "findings.txt", findings.replace(str(FOLDER / name / INPUT), INPUT)


@cache
def _compile(name: str) -> Offline:
    path = FOLDER / name / INPUT
    shared = "# scope: cluster" in path.read_text()
    settings = CompileSettings(
        proxy_scope=ProxyScope.SHARED if shared else ProxyScope.NAMESPACE,
        shared_namespace=_SYSTEM if shared else "",
        ports=PORT_RULES,
        deploys=True,
    )
    return compile_files([path], settings, Intake())


def _show(value: Any, *, full: bool) -> Any:
    """Leave out hashes, which follow from the rest, and files that are the same everywhere."""
    if isinstance(value, list):
        return [_show(each, full=full) for each in value]
    if isinstance(value, dict):
        if BOOTSTRAP in value and not full:
            return dict.fromkeys(value, f"[as in {FULL}]")
        kept = {name: "[see drain.sh]" if name == DRAIN else _show(each, full=full) for name, each in value.items()}
        return {name: "[hash]" if name in _HASHES else each for name, each in kept.items()}
    return value
