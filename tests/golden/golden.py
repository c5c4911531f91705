"""A golden: Istio YAML in, and what Lateen makes of it, written down to be read.

`in.yaml` is compiled as `lateen up` would; `envoy.yaml` has every resource, `findings.txt` everything
that is said about the input. Two options may stand in comments at the top of `in.yaml`:
`# mesh-port: PORT` and `# namespace: NAME`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from lateen.cli.yaml_text import to_yaml
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource
from lateen.runtime.app import build_intake, compile_settings
from lateen.runtime.offline import Offline, compile_files
from lateen.runtime.resource_listing import ResourceFields, list_resources
from lateen.settings import UpSettings

FOLDER: Final = Path(__file__).parent
INPUT: Final = "in.yaml"

_OPTION: Final = re.compile(r"^# (mesh-port|namespace): (\S+)$", re.MULTILINE)
_LUA: Final = "[Lua of the scope filter]"


@dataclass(frozen=True, slots=True)
class Golden:
    """One folder, compiled."""

    name: str
    resources: dict[ProxyId, tuple[Resource, ...]]
    envoy: str
    """The text of `envoy.yaml`."""
    findings: str
    """The text of `findings.txt`."""

    def files(self) -> Iterator[tuple[Path, str]]:
        """Where each text belongs."""
        yield FOLDER / self.name / "envoy.yaml", self.envoy
        yield FOLDER / self.name / "findings.txt", self.findings


def names() -> list[str]:
    """Every folder with an input."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{INPUT}"))


@cache
def compile_golden(name: str) -> Golden:
    """Compile the input of one folder, once."""
    path = FOLDER / name / INPUT
    options = dict(_OPTION.findall(path.read_text()))
    settings = UpSettings(
        (path,), mesh_port=int(options.get("mesh-port", 0)), namespace=options.get("namespace", "default")
    )
    offline = compile_files(settings.paths, compile_settings(settings), build_intake(settings))
    owners = sorted(owner for owner, wanted in offline.outcome.proxies.items() if wanted is not None)
    resources = {owner: tuple(offline.compiler.resources(owner).values()) for owner in owners}
    return Golden(name, resources, _show_resources(list_resources(resources)), _show_findings(offline, path))


def _show_findings(offline: Offline, path: Path) -> str:
    return "".join(f"{notice}\n" for notice in offline.notices()).replace(str(path), INPUT)


def _show_resources(found: list[ResourceFields]) -> str:
    return "---\n".join(f"{_title(each)}{to_yaml(_without_program(each['resource']))}" for each in found)


def _title(each: ResourceFields) -> str:
    origins = f", from {', '.join(each['origins'])}" if each["origins"] else ""
    return f"# {each['type']} of proxy {each['proxy']}{origins}\n"


def _without_program(value: Any) -> Any:
    """Leave out source code, which is the same everywhere and has tests of its own."""
    if isinstance(value, list):
        return [_without_program(each) for each in value]
    if isinstance(value, dict):
        return {
            key: {"inlineString": _LUA} if key == "defaultSourceCode" else _without_program(each)
            for key, each in value.items()
        }
    return value
