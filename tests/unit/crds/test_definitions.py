"""The definitions as an API server and `kubectl apply` need them, and the files in `crds/`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from lateen.cli.crds import file_text
from lateen.crds.constraints import RULES
from lateen.crds.definitions import definitions
from lateen.crds.resources import GROUP, RESOURCES, VERSIONS
from lateen.model.keys import Kind

_FOLDER: Final = Path(__file__).parents[3] / "crds"
_DEFINITIONS: Final = definitions()
_ANNOTATION: Final = 256 * 1024
"""Bytes that all annotations of an object may have; `kubectl apply` keeps what was applied in one of them."""

_UNWANTED: Final = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "title", "default", "ge", "le"}


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with the path of what it describes."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}".removeprefix("."))
    for keyword, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if keyword in schema:
            yield from nodes(schema[keyword], path + suffix)


def root_of(kind: Kind) -> dict[str, Any]:
    name = next(resource.plural for resource in RESOURCES if resource.kind is kind)
    version = _DEFINITIONS[f"{GROUP}_{name}.yaml"]["spec"]["versions"][0]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def fields_of(kind: Kind) -> dict[str, dict[str, Any]]:
    return dict(nodes(root_of(kind)["properties"]["spec"]))


@pytest.mark.parametrize("name", _DEFINITIONS)
def test_the_files_are_what_the_models_say(name: str) -> None:
    file = _FOLDER / name
    same = file.is_file() and file.read_text(encoding="utf-8") == file_text(_DEFINITIONS[name])
    assert same, f"crds/{name} differs from the models: run `make crds` and commit what it writes"


def test_there_are_no_files_of_other_kinds() -> None:
    assert {file.name for file in _FOLDER.iterdir()} == {*_DEFINITIONS}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: str(resource.plural))
def test_every_version_has_the_schema_of_the_stored_one(resource: Any) -> None:
    versions = _DEFINITIONS[f"{GROUP}_{resource.plural}.yaml"]["spec"]["versions"]
    assert tuple(version["name"] for version in versions) == VERSIONS
    assert [version["storage"] for version in versions] == [True, False, False]
    assert all(version["served"] and version["schema"] == versions[0]["schema"] for version in versions)


@pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
def test_schemas_are_structural(kind: Kind) -> None:
    for path, node in nodes(root_of(kind)):
        assert "type" in node or node.get("x-kubernetes-int-or-string"), path
        assert not _UNWANTED & {*node}, path
        assert node.get("additionalProperties", {}) is not False, path
        assert {*node.get("required", ())} <= {*node.get("properties", ())}, path


@pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
def test_every_field_is_documented(kind: Kind) -> None:
    for path, node in nodes(root_of(kind)):
        undocumented = [name for name, field in node.get("properties", {}).items() if not field.get("description")]
        assert undocumented == [], path


@pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
def test_only_the_status_takes_what_it_does_not_name(kind: Kind) -> None:
    for path, node in nodes(root_of(kind)):
        assert path.startswith("status") or "x-kubernetes-preserve-unknown-fields" not in node, path
    assert root_of(kind)["properties"]["status"]["x-kubernetes-preserve-unknown-fields"]


@pytest.mark.parametrize("kind", [resource.kind for resource in RESOURCES])
def test_every_rule_has_a_message(kind: Kind) -> None:
    rules = [rule for _, node in nodes(root_of(kind)) for rule in node.get(RULES, ())]
    assert rules
    assert [rule for rule in rules if not rule["message"]] == []


@pytest.mark.parametrize("name", _DEFINITIONS)
def test_kubectl_apply_can_keep_a_definition_in_its_annotation(name: str) -> None:
    text = json.dumps(_DEFINITIONS[name], separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&":  # as kubectl writes JSON
        text = text.replace(letter, rf"\u{ord(letter):04x}")
    assert len(text.encode()) < _ANNOTATION - 4096


@pytest.mark.parametrize("name", _DEFINITIONS)
def test_files_have_no_anchors(name: str) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tokens = yaml.scan(file_text(_DEFINITIONS[name]), loader)
    assert not any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in tokens)


def test_people_find_the_names_that_they_know() -> None:
    names = {resource.kind: _DEFINITIONS[f"{GROUP}_{resource.plural}.yaml"]["spec"]["names"] for resource in RESOURCES}
    assert {kind: name.get("shortNames") for kind, name in names.items()} == {
        Kind.GATEWAY: ["gw"],
        Kind.VIRTUAL_SERVICE: ["vs"],
        Kind.DESTINATION_RULE: ["dr"],
        Kind.SERVICE_ENTRY: ["se"],
        Kind.WORKLOAD_ENTRY: ["we"],
        Kind.SIDECAR: None,
    }
    assert {name["singular"] for name in names.values()} == {kind.lower() for kind in names}
    assert all(name["categories"] == ["istio-io", "networking-istio-io"] for name in names.values())


def test_listings_show_the_columns_that_people_know_and_whether_proxies_have_the_object() -> None:
    columns = {
        resource.plural: [
            column["name"]
            for column in _DEFINITIONS[f"{GROUP}_{resource.plural}.yaml"]["spec"]["versions"][0][
                "additionalPrinterColumns"
            ]
        ]
        for resource in RESOURCES
    }
    assert columns == {
        "gateways": ["Programmed", "Age"],
        "virtualservices": ["Gateways", "Hosts", "Programmed", "Age"],
        "destinationrules": ["Host", "Programmed", "Age"],
        "serviceentries": ["Hosts", "Location", "Resolution", "Programmed", "Age"],
        "workloadentries": ["Address", "Programmed", "Age"],
        "sidecars": ["Programmed", "Age"],
    }


def test_conditions_are_merged_by_their_type() -> None:
    conditions = root_of(Kind.GATEWAY)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_durations_are_texts_with_a_rule() -> None:
    timeout = fields_of(Kind.VIRTUAL_SERVICE)["http[].timeout"]
    assert timeout["type"] == "string"
    assert [rule["rule"] for rule in timeout[RULES]] == ["duration(self) >= duration('1ms')"]


def test_every_duration_has_a_rule() -> None:
    for kind, last in ((Kind.VIRTUAL_SERVICE, 3), (Kind.DESTINATION_RULE, 12)):
        found = [path for path, node in fields_of(kind).items() if "duration(self)" in str(node.get(RULES, ""))]
        assert len({path.rpartition(".")[2] for path in found}) > last


def test_ejection_may_be_written_in_its_older_spelling() -> None:
    breaker = fields_of(Kind.DESTINATION_RULE)["trafficPolicy.circuitBreaker"]
    assert {*breaker["properties"]} == {"consecutiveErrors", "interval", "baseEjectionTime", "maxEjectionPercent"}


def test_the_share_of_a_mirror_may_be_written_in_both_spellings() -> None:
    rule = fields_of(Kind.VIRTUAL_SERVICE)["http[]"]["properties"]
    assert rule["mirror_percent"]["maximum"] == rule["mirrorPercent"]["maximum"] == 100


def test_a_missing_header_may_be_written_as_null() -> None:
    assert fields_of(Kind.VIRTUAL_SERVICE)["http[].match[].withoutHeaders{}"]["nullable"]
    assert "nullable" not in fields_of(Kind.VIRTUAL_SERVICE)["http[].match[].uri"]


def test_values_of_enumerations_are_explained() -> None:
    simple = fields_of(Kind.DESTINATION_RULE)["trafficPolicy.loadBalancer.simple"]
    assert simple["enum"][-2:] == ["ROUND_ROBIN", "LEAST_REQUEST"]
    assert "`ROUND_ROBIN`: One after the other." in simple["description"].splitlines()
