"""How fields are decoded: Istio's JSON rules on top of pydantic.

Every spec is a frozen, slotted standard dataclass that pydantic fills directly, so that
one definition serves as schema, as documentation (`lateen.model.documentation` makes field
descriptions of attribute docstrings) and as the value that the compiler reads.

Rules (istio-semantics §7.2): camelCase or snake_case names, durations in Go's syntax,
enums by exact name, numbers possibly quoted, `null` as absent.
"""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

SPEC: Final = ConfigDict(
    alias_generator=to_camel,
    populate_by_name=True,
    extra="forbid",
    defer_build=True,
    strict=False,
)
"""Configuration of every spec dataclass: `__pydantic_config__ = SPEC`."""

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_DURATION: Final = (2**63 - 1) / 1e9
"""Seconds: 63 bits of nanoseconds, about 292 years."""
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(value: object) -> float:
    """Read a duration in Go's syntax (`1h30m`, `1.5s`, `100ms`); the result is in seconds.

    Raises:
        ValueError: not a string, or not that syntax (a bare number is an error, as in Istio).
    """
    if not isinstance(value, str):
        message = f'a duration is text such as "5s" or "1h30m", not {value!r}'
        raise ValueError(message)  # noqa: TRY004 - pydantic turns only ValueError into a finding
    text = value[1:] if value.startswith(("-", "+")) else value
    if text == "0":
        return 0.0
    seconds, end = 0.0, 0
    for part in _PART.finditer(text):
        if part.start() != end:
            break
        seconds += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    if not text or end != len(text):
        message = f'{value!r} is not a duration; write for example "5s", "100ms" or "1h30m"'
        raise ValueError(message)
    if seconds > LONGEST_DURATION:
        message = f"{value[:40]!r} is longer than any duration can be"
        raise ValueError(message)
    return -seconds if value.startswith("-") else seconds


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "format": "duration"}),
]
"""Seconds."""
