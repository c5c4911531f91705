"""Reading the objects of a case, as Lateen reads a user's files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from lateen.model.keys import Key
from lateen.model.objects import Change, Origin, RawObject
from lateen.sources.yaml_documents import read_documents
from lateen.validation.intake import Intake

_INERT: Final = frozenset(
    {
        "ConfigMap",
        "DaemonSet",
        "Deployment",
        "Endpoints",
        "Namespace",
        "Node",
        "ReplicaSet",
        "ServiceAccount",
        "StatefulSet",
    }
)
"""Kinds without influence on a proxy, whether Lateen reads them or not."""

_INTERNAL: Final = "internal.istio.io/"
"""Annotations that the reference writes to itself when it translates Gateway API objects."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a case, named."""

    changes: tuple[Change, ...] = ()
    unsupported: tuple[str, ...] = field(default=())
    """What keeps Lateen from understanding the case as a whole, in words."""


def read_objects(texts: Iterable[str], intake: Intake) -> Objects:
    """Read all documents of a case; a later object replaces an earlier one of the same name."""
    changes: dict[Key, Change] = {}
    unsupported: list[str] = []
    for raw in _documents(texts, unsupported):
        unsupported += _foreign(raw)
        key = intake.identify(raw)
        if isinstance(key, Key):
            changes[key] = Change(key, raw, Origin())
        elif raw.get("kind") not in _INERT:
            unsupported.append(f"kind {raw.get('kind')}")
    return Objects(tuple(changes.values()), tuple(dict.fromkeys(unsupported)))


def _documents(texts: Iterable[str], problems: list[str]) -> Iterator[RawObject]:
    for text in texts:
        reading = read_documents(text, "case.yaml")
        problems += [f"unreadable: {problem}" for problem in reading.problems]
        for document in reading.documents:
            yield document.raw


def _foreign(raw: RawObject) -> list[str]:
    annotations = (raw.get("metadata") or {}).get("annotations") or {}
    return [f"annotation {name}" for name in annotations if name.startswith(_INTERNAL)]
