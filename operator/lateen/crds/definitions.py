"""CustomResourceDefinitions (`apiextensions.k8s.io/v1`) of all networking kinds."""

import inspect
from copy import deepcopy
from typing import Any

from lateen.crds.resources import AGE, CATEGORIES, GROUP, PROGRAMMED, RESOURCES, VERSIONS, Column, Resource
from lateen.crds.status import status_schema
from lateen.crds.structural import structural_schema


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
                    "status": status_schema(resource.kind),
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
