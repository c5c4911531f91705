"""What the ledger follows until proxies have taken it over."""

from dataclasses import dataclass
from typing import TypeAlias

from lateen.xds.events import StreamId


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of one batch of changes."""

    number: int


@dataclass(frozen=True, slots=True)
class Opening:
    """Listeners that had to wait for their ports."""

    number: int


@dataclass(frozen=True, slots=True)
class Loading:
    """Everything there is for a proxy, which has just connected."""

    stream: StreamId


Followed: TypeAlias = Batch | Opening | Loading
