"""How long the protocol waits where Envoy gives no sign.

Envoy acknowledges clusters when they are warm, that is, when they can take requests: it
withholds its acknowledgement while any cluster is warming (Envoy docs: cluster manager,
cluster warming). Whoever serves proxies that do not, gives clusters a grace period.
"""

from dataclasses import dataclass
from typing import Protocol

from lateen.ir.resource import Resource


class Patience(Protocol):
    """The waiting times of a stream, in seconds."""

    def warming(self, cluster: Resource) -> float:
        """How long after its acknowledgement a cluster is presumed to be warm."""

    @property
    def farewell(self) -> float:
        """How long a cluster stays after the last route that named it is gone: retries look it up again."""


@dataclass(frozen=True, slots=True)
class GracePeriods:
    """Fixed waiting times."""

    hold: float = 0.0
    """For every cluster that has no endpoints of its own to acknowledge."""
    farewell: float = 1.0

    def warming(self, cluster: Resource) -> float:
        """Give every cluster the same time."""
        del cluster
        return self.hold
