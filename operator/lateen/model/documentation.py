"""Specs as JSON Schema, with the docstrings of their attributes as descriptions.

Docstrings stand only in the source text. They are read here, when somebody asks for a schema,
and not when objects are decoded: reading them takes longer than everything else at start.
"""

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel


def json_schema(spec: type[Any]) -> dict[str, Any]:
    """Give the schema of a spec dataclass by the names that users write; every field that is documented says so."""
    schema = TypeAdapter(spec).json_schema(by_alias=True)
    documented = {block.__name__: attribute_docs(block) for block in blocks_of(spec)}
    for title, block in [(spec.__name__, schema), *schema.get("$defs", {}).items()]:
        docs = {_plain(name): text for name, text in documented.get(title, {}).items()}
        for name, field in block.get("properties", {}).items():
            if _plain(name) in docs:
                field.setdefault("description", docs[_plain(name)])
    return schema


def attribute_docs(block: type[Any]) -> dict[str, str]:
    """Read the docstrings below the attributes of a class or the members of an enumeration, by name."""
    body = typing.cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(block))).body[0]).body
    found: dict[str, str] = {}
    for attribute, text in pairwise(body):
        match attribute, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                found[name] = inspect.cleandoc(doc)
    return found


def blocks_of(spec: object) -> Iterator[type[Any]]:
    """A dataclass and all that it is made of."""
    if isinstance(spec, type) and dataclasses.is_dataclass(spec):
        yield spec
        for hint in typing.get_type_hints(spec).values():
            yield from blocks_of(hint)
    for argument in typing.get_args(spec):
        yield from blocks_of(argument)


def _plain(name: str) -> str:
    """Make the spellings of a field equal: `consecutive_5xx_errors`, `consecutive5xxErrors`, `from_`, `from`."""
    return to_camel(name.strip("_")).replace("_", "").lower()
