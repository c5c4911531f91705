"""Matchers that several parts share."""

from dataclasses import dataclass
from enum import Enum, auto


class MatchKind(Enum):
    """How a `StringMatch` compares."""

    EXACT = auto()
    PREFIX = auto()
    REGEX = auto()
    """RE2, the whole text must match."""
    PRESENT = auto()
    """Any value, as long as there is one."""


@dataclass(frozen=True, slots=True)
class StringMatch:
    """One condition on one text."""

    kind: MatchKind
    value: str = ""
