"""Who may see an object, and in which order VirtualServices are considered (istio-semantics §2.5, §2.9)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from lateen.model.objects import Object
from lateen.model.virtualservice import VirtualServiceSpec

PUBLIC: Final = "*"
PRIVATE: Final = "."
NOBODY: Final = "~"
EVERYBODY: Final = frozenset({PUBLIC})


def exported_namespaces(values: Iterable[str], owner: str) -> frozenset[str]:
    """Read an exportTo list: `*` swallows the rest, `~` hides, `.` is the owner; empty means everybody."""
    given = frozenset(values)
    if not given or PUBLIC in given:
        return EVERYBODY
    if NOBODY in given:
        return frozenset()
    return frozenset(owner if value == PRIVATE else value for value in given)


def is_visible(export_to: Iterable[str], owner: str, viewer: str) -> bool:
    """Whether an object of namespace `owner` is exported to `viewer`."""
    return sees(exported_namespaces(export_to, owner), viewer)


def sees(exported: frozenset[str], viewer: str) -> bool:
    """Whether a namespace is among those that something is exported to."""
    return PUBLIC in exported or viewer in exported


class RuleOrder(NamedTuple):
    """Sort key of VirtualServices at one gateway: what is closest to the proxy first, then the oldest."""

    closeness: int
    created: str
    name: str
    namespace: str


def rule_order(obj: Object[VirtualServiceSpec], viewer: str) -> RuleOrder:
    """Private to the viewer's namespace, then exported to it by name, then public (§2.5)."""
    values = obj.spec.export_to
    if not values or PUBLIC in values:
        closeness = 2
    elif obj.key.namespace == viewer:
        closeness = 0
    else:
        closeness = 1
    return RuleOrder(closeness, *obj.meta.age_order)
