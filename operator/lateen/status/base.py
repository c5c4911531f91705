"""The seam where status goes out."""

from dataclasses import dataclass, field
from typing import Protocol

from lateen.model.keys import Key
from lateen.status.conditions import Condition


@dataclass(frozen=True, slots=True)
class EjectedHost:
    """A host that a proxy sends nothing to at the moment."""

    address: str
    """`10.1.2.3:8080`."""
    pod: str
    """Name of the pod that has the address; empty when it is no pod's."""
    service: str
    """Host of the service, and its subset if it is one of a subset: `reviews.shop.svc.cluster.local/v2`."""
    proxy: str
    """Name of the proxy's pod."""
    cause: str
    """`5 consecutive 5xx answers`."""
    since: str
    """RFC 3339."""
    until: str
    """RFC 3339: when it returns at the earliest; empty when unknown."""


@dataclass(frozen=True, slots=True)
class ObjectStatus:
    """Everything that is to be said of one object now."""

    conditions: tuple[Condition, ...]
    """Empty: the object is gone."""
    generation: int = 0
    """The object's generation that the conditions are about; 0 where the source has none."""
    ejections: tuple[EjectedHost, ...] = ()
    """Of a DestinationRule: hosts that its outlier detection keeps away from clients now."""
    is_served: bool = field(default=True, compare=False)
    """Whether there are proxies that serve it; if none are, nobody is waited for. Not written."""
    is_arriving: bool = field(default=False, compare=False)
    """Whether nothing is missing but the acknowledgement of proxies that are connected: a matter of milliseconds. Not
    written."""


class StatusSink(Protocol):
    """Writes status where users look for it."""

    def is_written(self, key: Key, status: ObjectStatus) -> bool:
        """Whether the object says all of this already, so that nothing needs to be written."""
        ...

    def is_recount(self, key: Key, status: ObjectStatus) -> bool:
        """Whether the object says all of this already, but for how many proxies have it.

        Proxies that go to another replica are not counted for a moment, which is no news. That all of them have a new
        generation at last is.
        """
        ...

    def hold(self, key: Key, status: ObjectStatus) -> ObjectStatus:
        """Replace what may pass by itself by what the object says: that it is live, where proxies lag behind now.

        Only where it says so of the same generation.
        """
        ...

    async def write(self, key: Key, status: ObjectStatus) -> None:
        """Write the status of one object."""
        ...


class MemoryStatusSink:
    """Keeps status in memory: on a laptop, where `lateen status` asks for it, and in tests."""

    def __init__(self) -> None:
        """Start empty."""
        self.statuses: dict[Key, ObjectStatus] = {}

    def is_written(self, key: Key, status: ObjectStatus) -> bool:
        """Compare with what was written last."""
        known = self.statuses.get(key)
        return known == status if status.conditions else known is None

    def is_recount(self, key: Key, status: ObjectStatus) -> bool:
        """There is one proxy of each class, and nobody to be spared."""
        del key, status
        return False

    def hold(self, key: Key, status: ObjectStatus) -> ObjectStatus:
        """Hold nothing back, for the same reason."""
        del key
        return status

    async def write(self, key: Key, status: ObjectStatus) -> None:
        """Remember, or forget."""
        if status.conditions:
            self.statuses[key] = status
        else:
            self.statuses.pop(key, None)
