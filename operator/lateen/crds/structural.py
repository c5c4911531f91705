"""From the JSON Schema of a spec to the structural schema that an API server accepts.

A structural schema has a type everywhere and no references: definitions are written out where
they are used. `null` means "absent" to Lateen, so that alternatives with it disappear; only
as a value of a map it says something, and stays. Fields that a schema does not name are dropped
or refused by the API server itself, which makes `additionalProperties: false` needless.
"""

import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from lateen.crds.constraints import RULES, Block, together
from lateen.errors import LateenError
from lateen.model.documentation import attribute_docs, blocks_of, json_schema

_KEPT: Final = {
    "type": "type",
    "enum": "enum",
    "minimum": "minimum",
    "maximum": "maximum",
    "ge": "minimum",
    "le": "maximum",
}
"""Keywords that are taken over, with their names in a structural schema; pydantic has two names for a bound."""

_BEYOND: Final = 2**63
"""Bounds from here on are not written: whole numbers in an API server have 64 bits with sign anyway."""

_NESTING: Final = ("items", "additionalProperties")

_ORDER: Final = ("description", "type", "nullable", "enum", "required", "properties")
"""Keywords that readers look for first."""


class _Writer:
    """Writes the definitions of one spec out, each with its limits."""

    def __init__(self, spec: type[Any], limits: Mapping[type[Any], Block]) -> None:
        self._root = json_schema(spec)
        self._definitions: Mapping[str, Any] = {spec.__name__: self._root, **self._root.get("$defs", {})}
        self._limits = {block.__name__: limits.get(block, Block()) for block in blocks_of(spec)}
        self._meanings = {choices.__name__: _meanings(choices) for choices in choices_of(spec)}

    def write_definition(self, name: str) -> dict[str, Any]:
        """Write a block with all its fields, or an enumeration."""
        definition = self._definitions[name]
        if "enum" in definition:
            return {**_keep(definition), "description": _explain(definition, self._meanings[name])}
        if name not in self._limits:
            message = f"two blocks of one spec are named alike: {name}"
            raise LateenError(message)
        block = self._limits[name]
        fields = {field: self.write(value) for field, value in definition["properties"].items()}
        _check_names(name, {*block.fields, *block.required, *block.spellings.values()} - {*fields})
        for field, fragment in block.fields.items():
            fields[field] = together(fields[field], fragment)
        for spelling, field in block.spellings.items():
            fields[spelling] = {**together(fields[field]), "description": f"Another spelling of `{field}`."}
        for path in block.frugal:
            _make_frugal(_field_at(fields, path))
        required = sorted({*definition.get("required", ()), *block.required})
        written = {"description": _prose(definition["description"]), "type": "object", "properties": fields}
        return together(written, {"required": required} if required else {}, block.whole)

    def write(self, schema: Mapping[str, Any], *, in_map: bool = False) -> dict[str, Any]:
        """Write the schema of a field, an entry or a value."""
        match schema:
            case {"anyOf": [value, {"type": "null"}]}:
                written = self.write(value)
                if in_map:
                    written["nullable"] = True
            case {"$ref": reference}:
                written = self.write_definition(reference.rpartition("/")[2])
            case {"type": "array", "items": items}:
                written = {"type": "array", "items": self.write(items)}
            case {"type": "object", "additionalProperties": {} as value}:
                written = {"type": "object", "additionalProperties": self.write(value, in_map=True)}
            case {"type": _}:
                written = _keep(schema)
            case _:
                message = f"no structural schema says this: {schema}"
                raise LateenError(message)
        if "description" in schema:
            described = written.get("description", "")
            choices = described.partition("\n")[2] if "enum" in written else ""
            written["description"] = "\n".join(filter(None, (_prose(schema["description"]), choices)))
        return written


def structural_schema(spec: type[Any], limits: Mapping[type[Any], Block]) -> dict[str, Any]:
    """Give the structural schema of a spec dataclass; no part of it is shared with another part.

    Raises:
        LateenError: a limit is for a field that does not exist, or a type has no structural schema.
    """
    written: dict[str, Any] = _ordered(_Writer(spec, limits).write_definition(spec.__name__))
    return written


def choices_of(spec: type[Any]) -> Iterator[type[Enum]]:
    """All enumerations that a spec dataclass and its blocks use."""
    for block in blocks_of(spec):
        for hint in typing.get_type_hints(block).values():
            yield from _enumerations(hint)


def _enumerations(hint: object) -> Iterator[type[Enum]]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        yield hint
    for argument in typing.get_args(hint):
        yield from _enumerations(argument)


def _meanings(choices: type[Enum]) -> dict[str, str]:
    docs = attribute_docs(choices)
    return {str(member.value): docs[member.name] for member in choices if member.name in docs}


def _keep(schema: Mapping[str, Any]) -> dict[str, Any]:
    kept = {_KEPT[keyword]: value for keyword, value in schema.items() if keyword in _KEPT}
    return {key: value for key, value in kept.items() if key != "maximum" or value < _BEYOND}


def _explain(definition: Mapping[str, Any], meanings: Mapping[str, str]) -> str:
    """A first line about the enumeration, and one about each value that is documented."""
    lines = [f"`{value}`: {_prose(meanings[value])}" for value in definition["enum"] if value in meanings]
    return "\n".join((_prose(definition["description"]), *lines))


def _prose(text: str) -> str:
    """Undo the line breaks of the source: whoever shows the text breaks it anew."""
    return "\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _field_at(fields: dict[str, Any], path: str) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    found: dict[str, Any] = fields[first]
    return _field_at(found["properties"], rest) if rest else found


def _make_frugal(schema: dict[str, Any]) -> None:
    if schema["type"] in ("object", "array"):
        schema.pop(RULES, None)
        schema.pop("maxItems", None)
    for inner in (*schema.get("properties", {}).values(), *(schema[key] for key in _NESTING if key in schema)):
        _make_frugal(inner)


def _check_names(block: str, unknown: set[str]) -> None:
    if unknown:
        message = f"{block} has no field {', '.join(sorted(unknown))}"
        raise LateenError(message)


def _ordered(schema: Any) -> Any:
    """Build everything anew, well-known keywords first."""
    if isinstance(schema, list):
        return [_ordered(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for key in (*(key for key in _ORDER if key in schema), *(key for key in schema if key not in _ORDER)):
        value = schema[key]
        if key == "properties":
            found[key] = {name: _ordered(field) for name, field in value.items()}
        else:
            found[key] = _ordered(value)
    return found
