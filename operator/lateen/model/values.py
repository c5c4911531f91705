"""Field types that several kinds share: numbers, flags, names, label maps, string matches.

They read JSON values the way Istio's own decoder does (istio-semantics §7.2): whole numbers
may be quoted, a flag is never text, an enumeration is written by its exact name or by its
number. `null` counts as absent: fields with a plain default get it from `lateen.validation.intake`,
which takes such members out before it validates again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, StrictBool, StrictStr

from lateen.model.schema import SPEC

EnumT = TypeVar("EnumT", bound=Enum)

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def read_integer(value: object) -> int:
    """Read a whole number, quoted or not; `80.0` is 80, a flag is no number.

    Raises:
        ValueError: anything else.
    """
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    message = f"a whole number is expected, not {value!r}"
    raise ValueError(message)


def read_number(value: object) -> float:
    """Read a number, quoted or not.

    Raises:
        ValueError: anything else, also "not a number" and the infinities.
    """
    written = _DECIMAL.fullmatch(value) is not None if isinstance(value, str) else type(value) in (int, float)
    if not written:
        message = f"a number is expected, not {value!r}"
        raise ValueError(message)
    number = float(value)  # type: ignore[arg-type]  # text, int or float by now
    if number - number != 0.0:  # true of NaN and the infinities only
        raise ValueError("a finite number is expected")
    return number


def enumeration(members: type[EnumT]) -> Callable[[object], EnumT]:
    """Build the reader of an enumeration whose members are listed in the order of their numbers.

    Use as `Annotated[Mode, BeforeValidator(enumeration(Mode))]`. Where the numbers are not
    0, 1, 2 …, give the class a `numbers` static method that maps number to member.
    """
    by_name: dict[object, EnumT] = {str(member.value): member for member in members}
    numbers: Callable[[], Mapping[int, EnumT]] | None = getattr(members, "numbers", None)
    by_number = dict(enumerate(members)) if numbers is None else dict(numbers())
    listed = ", ".join(str(name) for name in by_name)

    def read(value: object) -> EnumT:
        if isinstance(value, members):
            return value
        found = by_name.get(value) if isinstance(value, str) else None
        if found is None and type(value) is int:
            found = by_number.get(value)
        if found is None:
            message = f"one of {listed} is expected, not {value!r}"
            raise ValueError(message)
        return found

    return read


Flag: TypeAlias = StrictBool
"""`true` or `false`; no text, no number."""

Text: TypeAlias = StrictStr
"""Text; no number, no flag."""

# Bounds stand before the reader: so they belong to the number itself, and are checked without Python code.
Int32: TypeAlias = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), BeforeValidator(read_integer)]
"""A whole number with sign, 32 bits, possibly quoted."""

UInt32: TypeAlias = Annotated[int, Field(ge=0, le=2**32 - 1), BeforeValidator(read_integer)]
"""A whole number ≥ 0, 32 bits, possibly quoted."""

UInt64: TypeAlias = Annotated[int, Field(ge=0, le=2**64 - 1), BeforeValidator(read_integer)]
"""A whole number ≥ 0, 64 bits, possibly quoted."""

Number: TypeAlias = Annotated[float, BeforeValidator(read_number)]
"""A number with fraction, possibly quoted."""

Labels: TypeAlias = Mapping[StrictStr, StrictStr]
"""Labels by key."""


@dataclass(frozen=True, slots=True)
class StringMatch:
    """How a text is compared. At most one of the three is set; none (`{}`) means "present"."""

    __pydantic_config__ = SPEC

    exact: StrictStr | None = None
    """The text is exactly this."""

    prefix: StrictStr | None = None
    """The text begins with this."""

    regex: StrictStr | None = None
    """The whole text matches this RE2 expression."""

    def __post_init__(self) -> None:
        """Refuse two kinds of comparison at once.

        Raises:
            ValueError: more than one of the three is set.
        """
        if (self.exact is not None) + (self.prefix is not None) + (self.regex is not None) > 1:
            raise ValueError("only one of exact, prefix and regex is possible")


@dataclass(frozen=True, slots=True)
class PortSelector:
    """A port of a service, by number."""

    __pydantic_config__ = SPEC

    number: UInt32 = 0
    """The port's number, 1 to 65535."""


@dataclass(frozen=True, slots=True)
class Percent:
    """A share of requests."""

    __pydantic_config__ = SPEC

    value: Number = 0.0
    """Percent, 0 to 100; steps of 0.0001 can be told apart."""
