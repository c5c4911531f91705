"""The tables of docs/reference.md, made from the models and the catalogue of findings."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lateen.compile.codes import Code
from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.documentation import attribute_docs, json_schema
from lateen.model.endpointslice import EndpointSliceSpec
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Kind
from lateen.model.pod import PodSpec
from lateen.model.secret import SecretSpec
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.model.sidecar import SidecarSpec
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.model.workloadentry import WorkloadEntrySpec

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference.md"

SPECS: Final[Mapping[Kind, type[Any]]] = {
    Kind.GATEWAY: GatewaySpec,
    Kind.VIRTUAL_SERVICE: VirtualServiceSpec,
    Kind.DESTINATION_RULE: DestinationRuleSpec,
    Kind.SERVICE_ENTRY: ServiceEntrySpec,
    Kind.WORKLOAD_ENTRY: WorkloadEntrySpec,
    Kind.SIDECAR: SidecarSpec,
    Kind.SERVICE: ServiceSpec,
    Kind.ENDPOINT_SLICE: EndpointSliceSpec,
    Kind.POD: PodSpec,
    Kind.SECRET: SecretSpec,
}

_REFERENCE: Final = "#/$defs/"
_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "map",
    "array": "list",
}


def rewrite(page: str) -> str:
    """Put the tables between their comments."""
    for name, table in (("fields", fields()), ("codes", codes())):
        before, begin, rest = page.partition(f"<!-- generated: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        assert begin, name
        assert end, name
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def codes() -> str:
    """Give the table of findings."""
    docs = attribute_docs(Code)
    rows = [f'| <a id="{code.id}"></a>{code.id} | {code.severity.value} | {docs[code.name]} |' for code in Code]
    return "\n".join(["| code | severity | meaning |", "|---|---|---|", *rows, ""])


def fields() -> str:
    """Give a section for each kind, with a table for each block that no kind before it has."""
    shown: set[str] = set()
    lines: list[str] = []
    for kind, spec in SPECS.items():
        schema = json_schema(spec)
        blocks = schema.get("$defs", {})
        lines += [f"### {kind}", "", inspect.cleandoc(spec.__doc__ or ""), "", *_table(schema, blocks)]
        for name in _reached(schema, blocks):
            if name not in shown:
                shown.add(name)
                lines += [f"#### {name}", "", _plain(blocks[name].get("description", "")), ""]
                lines += _table(blocks[name], blocks)
    return "\n".join(lines)


def _table(block: Mapping[str, Any], blocks: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| field | value | meaning |", "|---|---|---|")
    required = set(block.get("required", ()))
    for name, field in block["properties"].items():
        must = " (required)" if name in required else ""
        yield f"| `{name}` | {_value(field, blocks)}{must} | {_plain(field['description'])} |"
    yield ""


def _reached(schema: Mapping[str, Any], blocks: Mapping[str, Any]) -> list[str]:
    """Blocks that a schema is made of, in the order in which a reader meets them."""
    found: dict[str, None] = {}

    def visit(value: object) -> None:
        if isinstance(value, Mapping):
            name = str(value.get("$ref", "")).removeprefix(_REFERENCE)
            if name and name not in found and "properties" in blocks[name]:
                found[name] = None
                visit(blocks[name]["properties"])
            for each in value.values():
                visit(each)
        elif isinstance(value, list):
            for each in value:
                visit(each)

    visit(schema["properties"])
    return list(found)


def _value(field: Mapping[str, Any], blocks: Mapping[str, Any]) -> str:
    """Say in words what a field takes."""
    if "$ref" in field:
        name = field["$ref"].removeprefix(_REFERENCE)
        block = blocks[name]
        return f"[{name}](#{name.lower()})" if "properties" in block else _value(block, blocks)
    if "anyOf" in field:
        return " or ".join(_value(each, blocks) for each in field["anyOf"] if each.get("type") != "null")
    if field.get("type") == "array":
        return f"list of {_value(field.get('items', {}), blocks)}"
    if isinstance(field.get("additionalProperties"), Mapping):
        return f"map to {_value(field['additionalProperties'], blocks)}"
    return _scalar(field)


def _scalar(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if field.get("format") == "duration":
        return "duration"
    return _WORDS.get(field.get("type", ""), "any")


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
