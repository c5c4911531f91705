"""Rules of this repository that no other tool checks: sizes, names, layers, and what must not be written down."""

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_PACKAGE: Final = _ROOT / "operator" / "lateen"
_DEMO: Final = _ROOT / "demo"
_TESTS: Final = _ROOT / "tests"

_LONGEST_FILE: Final = 450
_LONGEST_FUNCTION: Final = 100
_LONG_FUNCTION: Final = 60
"""One function in a hundred may be longer than this."""

_EMPTY_NAMES: Final = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager"})
"""Names that say nothing about what is inside."""

_WRITTEN: Final = ("*.md", "*.toml", "*.txt", "*.yaml", "*.yml", "*.py", "Makefile", ".ci/*", "*.tpl", "Dockerfile")
_TREES: Final = (".ci", "charts", "crds", "demo", "docs", "examples", "operator", "requirements", "tests")

_MACHINE: Final = re.compile(
    r"(?<![\w.~-])/(?:" + "|".join(("work" + "/", "root" + "/", "opt/" + "wheels", "tmp/" + "w/")) + r")"
    "|" + r"\." + "library" + "|" + "shared" + "/reference"
)
"""Paths that exist on one machine only."""


def _python(*folders: Path) -> Iterator[Path]:
    return chain.from_iterable(folder.rglob("*.py") for folder in folders)


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines, decorators and docstring included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield f"{path.relative_to(_ROOT)}:{node.lineno} {node.name}", (node.end_lineno or first) - first + 1


def _written_files() -> Iterator[Path]:
    for pattern in _WRITTEN:
        yield from _ROOT.glob(pattern)
        for tree in _TREES:
            yield from (_ROOT / tree).rglob(pattern)


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (_ROOT / "operator" / "__init__.py").exists()


def _has_docstring(path: Path) -> bool:
    return path.exists() and bool(ast.get_docstring(ast.parse(path.read_text())))


def test_every_package_says_what_it_is() -> None:
    folders = sorted({path.parent for path in _python(_PACKAGE, _DEMO)})
    assert [str(folder.relative_to(_ROOT)) for folder in folders if not _has_docstring(folder / "__init__.py")] == []


def test_no_module_has_an_empty_name() -> None:
    paths = [path.relative_to(_ROOT) for path in _python(_PACKAGE, _DEMO, _TESTS)]
    assert [str(path) for path in paths if _EMPTY_NAMES & {*path.parent.parts, path.stem}] == []


def test_no_class_has_an_empty_name() -> None:
    classes = [
        f"{path.relative_to(_ROOT)}:{node.lineno} {node.name}"
        for path in _python(_PACKAGE, _DEMO, _TESTS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    assert [name for name in classes if re.search(r"(Utils?|Helpers?|Common|Misc|Manager)$", name)] == []


def test_files_stay_readable() -> None:
    sizes = {
        str(path.relative_to(_ROOT)): len(path.read_text().splitlines()) for path in _python(_PACKAGE, _DEMO, _TESTS)
    }
    assert {name: size for name, size in sizes.items() if size > _LONGEST_FILE} == {}


def test_functions_fit_on_a_screen() -> None:
    sizes = dict(chain.from_iterable(_functions(path) for path in _python(_PACKAGE, _DEMO)))
    long = {name: size for name, size in sizes.items() if size > _LONG_FUNCTION}
    assert {name: size for name, size in long.items() if size > _LONGEST_FUNCTION} == {}
    assert len(long) <= len(sizes) / 100, long


def test_whoever_overrules_a_check_says_why() -> None:
    overruled = re.compile(r"# (?:noqa|type: ignore)\b")
    with_reason = re.compile(r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z-]+(?:, [a-z-]+)*\]) +[-#] \S")
    found = [
        f"{path.relative_to(_ROOT)}:{number}"
        for path in _python(_PACKAGE, _DEMO, _TESTS)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if overruled.search(line) and not with_reason.search(line)
    ]
    assert sorted(found) == []


def test_nothing_names_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(_ROOT)}:{number}"
        for path in set(_written_files())
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _MACHINE.search(line)
    ]
    assert sorted(found) == []


def test_locked_dependencies_name_no_host() -> None:
    locks = sorted((_ROOT / "requirements").glob("*.txt"))
    assert locks
    assert [lock.name for lock in locks if "://" in lock.read_text()] == []


def test_every_locked_dependency_has_a_hash() -> None:
    for lock in (_ROOT / "requirements").glob("*.txt"):
        pins = re.findall(r"^[\w.\[\]-]+==.*?(?=^\S|\Z)", lock.read_text(), re.MULTILINE | re.DOTALL)
        assert pins
        assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


def test_every_package_has_its_place_in_the_layers() -> None:
    contracts = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = {name.strip(" ()") for layer in layers for name in layer.split("|")}
    packages = {f"lateen.{path.parent.name}" for path in _PACKAGE.glob("*/__init__.py")}
    assert packages - placed == set()
