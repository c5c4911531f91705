"""The words in which limits of fields are written down, beyond what their types say.

A `Fragment` is a piece of a structural schema that is laid over a field's own; several can be
combined. Rules in CEL keep to `has`, comparisons and macros, which every API server knows
since rules exist, and are cheap: an API server estimates their cost for the largest object
that could be sent, and refuses a definition beyond 10 million units for a rule and 100 million
for a version. A list without `maxItems` is taken to be as long as 3 MB allow.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

Fragment: TypeAlias = Mapping[str, Any]
"""A piece of a structural schema."""

RULES: Final = "x-kubernetes-validations"


MOST: Final = 10_000
"""Entries of a list whose entries have rules. The 1.5 MB that an object may have hold no more that say anything."""


@dataclass(frozen=True, slots=True)
class Block:
    """What holds for a spec dataclass wherever it stands."""

    fields: Mapping[str, Fragment] = field(default_factory=dict)
    """Limits of its fields, by the names that users write."""

    required: tuple[str, ...] = ()
    """Fields that have a default in the dataclass but must be given."""

    whole: Fragment = field(default_factory=dict)
    """Limits of the block itself, mostly rules about several fields."""

    spellings: Mapping[str, str] = field(default_factory=dict)
    """Further names that users write, each with the field that it stands for."""

    frugal: tuple[str, ...] = ()
    """Lists in its blocks, by path, that stand in too many other lists for limits of length and for rules about blocks:
    of the rules only those about single values are kept there."""


def together(*fragments: Fragment) -> dict[str, Any]:
    """Lay fragments over each other: mappings are merged, lists are joined, of other values the last one holds."""
    merged: dict[str, Any] = {}
    for fragment in fragments:
        for key, value in fragment.items():
            present = merged.get(key)
            if isinstance(present, dict) and isinstance(value, Mapping):
                merged[key] = together(present, value)
            elif isinstance(present, list) and isinstance(value, list):
                merged[key] = [*present, *deepcopy(value)]
            else:
                merged[key] = deepcopy(value)
    return merged


def rule(expression: str, message: str) -> Fragment:
    """Demand that an expression in CEL holds, in which `self` is the value."""
    return {RULES: [{"rule": " ".join(expression.split()), "message": message}]}


def each(*fragments: Fragment) -> Fragment:
    """Limit the entries of a list."""
    return {"items": together(*fragments)}


def values(*fragments: Fragment) -> Fragment:
    """Limit the values of a map."""
    return {"additionalProperties": together(*fragments)}


def inside(**fields: Fragment) -> Fragment:
    """Limit fields of a block in this one place."""
    return {"properties": fields}


def between(least: float, most: float) -> Fragment:
    """Limit a number, both ends included."""
    return {"minimum": least, "maximum": most}


def pattern(expression: str) -> Fragment:
    """Demand that a whole text matches an RE2 expression."""
    return {"pattern": f"^(?:{expression})$"}


def listed(*texts: str) -> Fragment:
    """Demand one of these texts."""
    return {"enum": list(texts)}


def entries(*, least: int = 0, most: int = 0) -> Fragment:
    """Limit the length of a list; 0: no limit."""
    return {**({"minItems": least} if least else {}), **({"maxItems": most} if most else {})}


def letters(*, least: int = 0, most: int = 0) -> Fragment:
    """Limit the length of a text; 0: no limit."""
    return {**({"minLength": least} if least else {}), **({"maxLength": most} if most else {})}


def pairs(*, least: int = 0, most: int = 0) -> Fragment:
    """Limit how many fields of a block, or keys of a map, are given; 0: no limit."""
    return {**({"minProperties": least} if least else {}), **({"maxProperties": most} if most else {})}


def exclusive(*names: str) -> Fragment:
    """Allow only one of several fields. A field that is there counts, whatever it holds."""
    if len(names) == 2:
        expression = f"!(has(self.{names[0]}) && has(self.{names[1]}))"
    else:
        expression = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in names) + " <= 1"
    return rule(expression, f"only one of {enumerate_names(names)} is possible")


def enumerate_names(names: tuple[str, ...]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def has_text(path: str) -> str:
    """Write in CEL that a text is there and not empty; `path` is relative to `self`."""
    return f"(has(self.{path}) && self.{path} != '')"


def has_entries(path: str) -> str:
    """Write in CEL that a list is there and not empty; `path` is relative to `self`."""
    return f"(has(self.{path}) && size(self.{path}) > 0)"


DURATION_LENGTH: Final = 64
"""No sensible duration is written with more characters; the limit makes rules cheap."""

_DURATION: Final = letters(most=DURATION_LENGTH)

DURATION: Final = together(
    _DURATION,
    rule("duration(self) >= duration('1ms')", "a duration of at least 1ms is expected, such as 5s"),
)
"""At least one millisecond."""

DURATION_OR_ZERO: Final = together(
    _DURATION,
    rule("duration(self) >= duration('0s')", "a duration is expected, such as 5s"),
)
"""Not negative."""

PORT: Final = between(1, 65535)
PORT_OR_ZERO: Final = between(0, 65535)
PERCENT: Final = between(0, 100)
COUNT: Final[Fragment] = {"minimum": 0}
"""A number that is not negative."""

LABEL: Final = "[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
"""RE2 expression of one label of a DNS name (RFC 1123)."""

NO_WILDCARD: Final = rule("!self.contains('*')", "a selector has no wildcards")
SELECTOR: Final = together(pairs(most=256), values(letters(most=63), NO_WILDCARD))
"""Labels that workloads have to carry."""

VISIBILITY: Final = together(
    each(pattern(rf"[*.]|{LABEL}")),
    rule("size(self) < 2 || !('*' in self)", "'*' stands alone or not at all"),
)
"""`exportTo`: `*` alone, `.`, or namespaces."""
