"""How closely an API server is watched, and how well that goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lateen.kube.resources import RESOURCES
from lateen.model.keys import Key, Kind

WATCHED: Final = tuple(kind for kind in RESOURCES if kind is not Kind.SECRET)
"""The kinds of which every object is read. Secrets are read one by one, when something names them."""


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """Times are in seconds."""

    silence: float = 70.0
    """A watch that tells nothing for so long is opened again; the API server tells something every minute."""
    reopen: int = 600
    """The API server ends each watch after so long, and it is opened again."""
    backoffs: Sequence[float] = (0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0)
    """Pauses before a request that failed is sent again; after the last one the watcher starts anew."""
    request_timeout: float = 60.0
    connect_timeout: float = 10.0
    restart_first: float = 0.5
    """Pause before a watcher that ended is started again; doubled from end to end."""
    restart_longest: float = 30.0
    audit_period: float = 600.0
    """Between two comparisons of what is known with what there is."""
    kinds_period: float = 10.0
    """Between two looks whether every kind is followed."""
    audit_patience: float = 2.0
    """How long the watcher may lag behind a list before that counts as a loss."""
    start_patience: float = 10.0
    """How long the watcher may tell nothing while all there is is read for the first time."""
    secret_starts: int = 10
    """Secrets whose first reading may be under way at once."""


@dataclass(slots=True)
class WatchHealth:
    """What there is to know about the watcher; counters count from the start of the process."""

    connected: bool = False
    """Whether it runs, and no request of it failed since one of the same kind went well."""
    last_event: float | None = None
    """When something was heard last, by the source's clock."""
    restarts: int = 0
    audits: int = 0
    missing_deletions: int = 0
    """Objects that were gone without the watcher saying so."""
    missed_changes: int = 0
    """Objects that were new or changed without the watcher saying so."""
    problem: str = ""
    """What is wrong now; empty while nothing is."""
    failing: dict[Kind, str] = field(default_factory=dict)
    """Kinds that cannot be read now, and why."""
    failing_secrets: dict[Key, str] = field(default_factory=dict)
    """Secrets that are wanted and cannot be read now, and why."""
    listed: set[Kind] = field(default_factory=set)
    """Kinds whose objects the watcher has read since it was started, so that it follows them."""
    absent: frozenset[Kind] = frozenset()
    """Kinds that the API server does not know (yet)."""
