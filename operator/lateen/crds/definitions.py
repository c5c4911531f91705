"""CustomResourceDefinitions (`apiextensions.k8s.io/v1`) of all networking kinds."""

import inspect
from copy import deepcopy
from typing import Any, Final

from lateen.crds.resources import AGE, CATEGORIES, GROUP, PROGRAMMED, RESOURCES, VERSIONS, Column, Resource
from lateen.crds.structural import structural_schema

_OPEN: Final = "x-kubernetes-preserve-unknown-fields"


def definitions() -> dict[str, dict[str, Any]]:
    """Give every definition by the name of its file, as plain values for YAML or JSON."""
    return {f"{GROUP}_{resource.plural}.yaml": definition(resource) for resource in RESOURCES}


def definition(resource: Resource) -> dict[str, Any]:
    """Give the definition of one kind; no part of it is shared with another part."""
    schema = structural_schema(resource.spec, resource.limits)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.name, "labels": {"app.kubernetes.io/part-of": "lateen"}},
        "spec": {
            "group": GROUP,
            "names": {
                "categories": list(CATEGORIES),
                "kind": str(resource.kind),
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                **({"shortNames": list(resource.short_names)} if resource.short_names else {}),
                "singular": resource.singular,
            },
            "scope": "Namespaced",
            "versions": [_version(resource, name, deepcopy(schema)) for name in VERSIONS],
        },
    }


def _version(resource: Resource, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": name == VERSIONS[0],
        "additionalPrinterColumns": [_column(each) for each in (*resource.columns, PROGRAMMED, AGE)],
        "schema": {
            "openAPIV3Schema": {
                "description": inspect.getdoc(resource.spec),
                "type": "object",
                "required": ["spec"],
                "properties": {
                    "spec": schema,
                    "status": _status(),
                },
            }
        },
        "subresources": {"status": {}},
    }


def _column(column: Column) -> dict[str, str]:
    return {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        "description": column.description,
    }


def _status() -> dict[str, Any]:
    """What Lateen says about an object. Whatever others have said there before stays."""
    text = {"type": "string"}
    generation = {"x-kubernetes-int-or-string": True}
    condition = {
        "type": {**text, "description": "What is asked, for example `Programmed`."},
        "status": {**text, "description": "The answer: `True`, `False` or `Unknown`."},
        "reason": {**text, "description": "The answer's cause in one word, for programs."},
        "message": {**text, "description": "The answer's cause, for people."},
        "lastTransitionTime": {**text, "format": "date-time", "description": "Since when the answer holds."},
        "observedGeneration": {**generation, "description": "The object's generation that the answer is about."},
    }
    return {
        "description": "How the object fares: whether it is valid and whether proxies have it.",
        "type": "object",
        "properties": {
            "conditions": {
                "description": "Answers to what is asked about every object, one for each question.",
                "type": "array",
                "items": {
                    "description": "One question and its answer.",
                    "type": "object",
                    "required": ["type", "status"],
                    "properties": condition,
                    _OPEN: True,
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
            "observedGeneration": {
                **generation,
                "description": "The object's generation that the conditions are about.",
            },
        },
        _OPEN: True,
    }
