"""What became of one case."""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """The outcomes that are counted."""

    PASSED = "passed"
    FAILED = "failed"
    DEPARTED = "departed"
    """Differs on purpose, see `departures.toml`."""
    UNSUPPORTED = "not yet supported"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One case, or one call of a case, and how Lateen did."""

    group: str
    """The folder of the case."""
    kind: str
    """What is counted together: the object's kind, or the outcome that is asked for."""
    case: str
    """File name without its ending, and after a `#` the call."""
    verdict: Verdict
    expected: object = None
    got: object = None
    reason: str = ""
    """Why it failed or is not supported, in words."""


def unjudgeable(group: str, kind: str, case: str, error: Exception) -> Judgement:
    """A case that the runner itself stumbled over: a failure, whoever's fault it is, and no reason to stop."""
    return Judgement(group, kind, case, Verdict.FAILED, reason=f"cannot be judged: {type(error).__name__}: {error}")


@dataclass(slots=True)
class Tally:
    """How many judgements of one group and kind came out how."""

    counts: dict[Verdict, int] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Count one more."""
        self.counts[verdict] = self[verdict] + 1

    def __getitem__(self, verdict: Verdict) -> int:
        """Return how many came out so."""
        return self.counts.get(verdict, 0)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    @property
    def rate(self) -> float:
        """Passed among those that are supported and not departed from, in percent."""
        return percent(self[Verdict.PASSED], self[Verdict.PASSED] + self[Verdict.FAILED])

    @property
    def share(self) -> float:
        """Passed among all but departures, in percent."""
        return percent(self[Verdict.PASSED], self.total - self[Verdict.DEPARTED])


def percent(part: int, whole: int) -> float:
    """Return a share in percent; nothing of nothing is nothing."""
    return 100 * part / whole if whole else 0.0
