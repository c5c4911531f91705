"""From a decoded document to a spec dataclass, with one clear problem per wrong field.

Valid input takes one pass of pydantic. Otherwise members that may be left out (unknown
fields, `null`) are taken out of a copy and the rest is validated again, so that a
misspelled field costs a warning and not the object.
"""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lateen.model.objects import FieldPath, Problem, Severity

SpecT = TypeVar("SpecT")

_PASSES: Final = 4
"""Each pass can uncover members that an error hid before; real objects need two."""

_SHOWN: Final = 60
"""Characters of a wrong value that a message shows."""

_CONDITIONS: Final = "match"
"""Member that holds conditions: an unknown field in it refuses the object, however lenient the door is."""

_UNKNOWN_FIELD: Final = frozenset({"unexpected_keyword_argument", "extra_forbidden"})
_REQUIRED: Final = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_EXPECTED: Final = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "bytes_type": "text",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}
_AT_LEAST: Final = {"greater_than_equal": ("ge", "at least"), "greater_than": ("gt", "more than")}
_AT_MOST: Final = {"less_than_equal": ("le", "at most"), "less_than": ("lt", "less than")}
_LIMITS: Final = _AT_LEAST | _AT_MOST


@dataclass(frozen=True, slots=True)
class Decoded(Generic[SpecT]):
    """A spec, or None if there is an error among the problems. Paths start at the decoded value."""

    spec: SpecT | None
    problems: tuple[Problem, ...] = ()


class Decoder(Generic[SpecT]):
    """Decodes values into one dataclass."""

    def __init__(self, spec: type[SpecT], *, unknown_fields: Severity, secret: bool = False) -> None:
        """Prepare for `spec`; the validator itself is built at its first use.

        Args:
            spec: the dataclass.
            unknown_fields: how bad a field is that the dataclass does not have.
            secret: never show values in messages.
        """
        self._spec = spec
        self._adapter: TypeAdapter[SpecT] = TypeAdapter(spec)
        self._unknown_fields = unknown_fields
        self._secret = secret

    def decode(self, value: object) -> Decoded[SpecT]:
        """Decode one value. Never raises."""
        try:
            return Decoded(self._adapter.validate_python(value))
        except ValidationError as error:
            return self._decode_with_care(value, error)

    def _decode_with_care(self, value: object, error: ValidationError) -> Decoded[SpecT]:
        found: dict[FieldPath, Problem] = {}
        for _ in range(_PASSES):
            removable: list[FieldPath] = []
            for detail in error.errors(include_url=False):
                removable.extend(self._examine(detail, value, found))
            if not removable:
                break
            for path in removable:
                value = _without(value, path)
            try:
                spec = self._adapter.validate_python(value)
            except ValidationError as again:
                error = again
                continue
            problems = tuple(found.values())
            refused = any(problem.severity is Severity.ERROR for problem in problems)
            return Decoded(None if refused else spec, problems)
        return Decoded(None, tuple(found.values()))

    def _examine(self, detail: ErrorDetails, value: object, found: dict[FieldPath, Problem]) -> Iterator[FieldPath]:
        """Record what one of pydantic's errors means; yields the member to leave out, if that helps."""
        loc = detail["loc"]
        if detail["type"] in _UNKNOWN_FIELD:
            narrows = _CONDITIONS in loc[:-1]  # leaving out a condition would match more than is written
            found[loc] = Problem(loc, self._unknown(loc), Severity.ERROR if narrows else self._unknown_fields)
            yield loc
        elif detail["input"] is None and detail["type"] not in _REQUIRED and self._is_field(loc):
            yield loc  # null counts as absent
        else:
            required = detail["type"] in _REQUIRED
            path = loc if required else _existing(value, loc)
            if any(path[: len(known)] == known for known in found if found[known].severity is Severity.ERROR):
                return  # alternatives of one choice: the first says enough
            found[path] = Problem(path, self._describe(detail))

    def _is_field(self, path: FieldPath) -> bool:
        return bool(path) and is_dataclass(type_at(self._spec, path[:-1]))

    def _unknown(self, path: FieldPath) -> str:
        name = str(path[-1])
        known = names_of_fields(type_at(self._spec, path[:-1]))
        near = get_close_matches(to_camel(name), known, n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"unknown field {name!r}{hint}"

    def _describe(self, detail: ErrorDetails) -> str:
        kind, context = detail["type"], detail.get("ctx", {})
        if kind in _REQUIRED:
            return f"{str(detail['loc'][-1])!r} is required"
        if kind == "value_error":
            return str(context["error"])
        found = "" if self._secret else f", not {show(detail['input'])}"
        if kind in _EXPECTED:
            return f"{_EXPECTED[kind]} is expected{found}"
        if kind in _LIMITS:
            name, words = _LIMITS[kind]
            return f"a value of {words} {context[name]} is expected{found}"
        if kind in {"enum", "literal_error"}:
            return f"one of {context['expected']} is expected{found}"
        return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}{found}"


def show(value: object) -> str:
    """Print a wrong value as a short phrase."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Mapping():
            return "a mapping"
        case str():
            text = repr(value)
        case list() | tuple():
            return "a list"
        case _:
            text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def names_of_fields(spec: object) -> tuple[str, ...]:
    """Names that users write for the fields of a dataclass; nothing for other types."""
    return tuple(_members(spec))


def _members(spec: object) -> dict[str, object]:
    """Annotations of a dataclass's fields by the name that users write."""
    if not (isinstance(spec, type) and is_dataclass(spec)):
        return {}
    hints = typing.get_type_hints(spec, include_extras=True)
    return {_alias(hints[field.name]) or to_camel(field.name): hints[field.name] for field in fields(spec)}


def _alias(annotation: object) -> str:
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, FieldInfo) and extra.alias:
            return extra.alias
    return ""


def type_at(spec: object, path: FieldPath) -> object:
    """Type of the member that a path leads to within a dataclass; None if the path leaves what is known."""
    current = _bare(spec)
    for part in path:
        arguments = typing.get_args(current)
        if isinstance(part, int) and arguments:
            current = _bare(arguments[0])
        elif arguments:
            current = _bare(arguments[-1])
        else:
            name = str(part)
            current = _bare(_members(current).get(to_camel(name) if "_" in name else name))
    return current


def _bare(annotation: Any) -> object:
    """Take `Annotated` and `| None` off a type."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (types.UnionType, typing.Union):
            annotation = next(each for each in typing.get_args(annotation) if each is not types.NoneType)
        else:
            return annotation


def _existing(value: object, path: FieldPath) -> FieldPath:
    """Cut a path where it leaves the value: pydantic appends the names of alternatives it tried."""
    for index, part in enumerate(path):
        if isinstance(value, Mapping):
            exists = part in value
        else:
            exists = isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        if not exists:
            return path[:index]
        value = value[part]  # type: ignore[index]  # a mapping, a list or a tuple by now
    return path


def _without(value: object, path: FieldPath) -> object:
    """Copy a value without one member; everything beside the path is shared."""
    head, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        if not rest:
            return {name: member for name, member in value.items() if name != head}
        return {name: _without(member, rest) if name == head else member for name, member in value.items()}
    if isinstance(value, list | tuple) and rest:
        return [_without(member, rest) if index == head else member for index, member in enumerate(value)]
    return value
