"""Whether an object still says what was applied to it, seen from its metadata alone.

An API server notes for each writer which fields are its own (`managedFields`). Whoever changes
a field or removes it takes it from those who had it, unless the value stays. So an object says
what we applied if and only if we still own every field that we wrote.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lateen.errors import LateenError
from lateen.kube.client import MANAGER, Manifest

_FIELD: Final = "f:"
_ELEMENT: Final = "k:"
_IDENTITY: Final = frozenset({"apiVersion", "kind"})
_NAMES: Final = frozenset({"name", "namespace"})
"""Fields of `metadata` that nobody owns."""


class ForeignObjectError(LateenError):
    """An object that is to be made exists, and is somebody else's."""


def is_ours(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether an object is ours by its labels. One that we have applied may have lost them, but has no others.

    Args:
        metadata: of the object as it is, with `managedFields`.
        labels: those of everything that is ours.
    """
    found = metadata.get("labels", {})
    missing = None if owned_fields(metadata) else ""
    return all(found.get(name, missing) in (value, None) for name, value in labels.items())


def require_ours(what: object, metadata: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Return if an object is ours: server-side apply would take over whatever has the name.

    Args:
        what: kind and name, for people.
        metadata: of the object as it is, with `managedFields`.
        labels: those of everything that is ours.

    Raises:
        ForeignObjectError: it is somebody else's.
    """
    if not is_ours(metadata, labels):
        raise ForeignObjectError(f"{what} exists already, and this operator has not made it")


def lost_field(metadata: Mapping[str, Any], manifest: Manifest, manager: str = MANAGER) -> str:
    """Find a field of a manifest that is not ours any more; empty: all are.

    Args:
        metadata: of the object as it is, with `managedFields`.
        manifest: what was applied to it.
        manager: by whom.
    """
    owned = owned_fields(metadata, manager)
    for name, value in manifest.items():
        if name in _IDENTITY:
            continue
        kept = {key: each for key, each in value.items() if key not in _NAMES} if name == "metadata" else value
        if lost := _lost(kept, owned.get(_FIELD + name), (name,)):
            return ".".join(lost)
    return ""


def owned_fields(metadata: Mapping[str, Any], manager: str = MANAGER) -> Mapping[str, Any]:
    """Every field that a writer has applied and still owns, in the form of `fieldsV1`."""
    for entry in metadata.get("managedFields", ()):
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields: Mapping[str, Any] = entry.get("fieldsV1", {})
            return fields
    return {}


def _lost(value: Any, owned: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    """Go down both trees; where `owned` ends, all below is owned as one."""
    if owned is None:
        return path
    if not owned:
        return ()
    if isinstance(value, Mapping):
        members = ((name, each, owned.get(_FIELD + name)) for name, each in value.items())
    elif isinstance(value, list):
        members = ((str(index), each, _element(each, owned)) for index, each in enumerate(value))
    else:
        return ()
    return next(filter(None, (_lost(each, part, (*path, name)) for name, each, part in members)), ())


def _element(value: Any, owned: Mapping[str, Any]) -> Any:
    """What is owned of an element of a list, which is known by some of its fields; `{}` where it is known by itself."""
    if not isinstance(value, Mapping):
        return {}
    for key, part in owned.items():
        if key.startswith(_ELEMENT) and _agrees(value, _parse(key)):
            return part
    return None


def _parse(key: str) -> Iterable[tuple[str, Any]]:
    identity: dict[str, Any] = json.loads(key.removeprefix(_ELEMENT))
    return identity.items()


def _agrees(value: Mapping[str, Any], identity: Iterable[tuple[str, Any]]) -> bool:
    """Whether an element is meant; a field that it leaves out is one that has a default."""
    return all(value.get(name, each) == each for name, each in identity)
