"""What a plain YAML scalar means.

Kubernetes reads YAML through go-yaml v2, a YAML 1.1 reader with its own choices: dates stay
text, there are no base-60 numbers, `0x`, `0o`, `0b` and a leading `0` name the base, and
`_` may separate digits. Files must mean the same here as under `kubectl apply`.
"""

import math
import re
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NOT_FINITE: Final = frozenset(f"{sign}.{word}" for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")) | {
    ".nan",
    ".NaN",
    ".NAN",
}

_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED: Final = re.compile(r"([-+]?)0(?:[xX]([0-9a-fA-F]+)|[oO]?([0-7]+)|[bB]([01]+))")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_LONGEST_INTEGER: Final = 40
"""Digits; 64-bit numbers need 20. Longer ones become floats, as no field can hold them exactly."""


class NotJsonError(ValueError):
    """A value that YAML knows and JSON does not (infinity, not-a-number)."""


def resolve_plain(text: str) -> Scalar:
    """Give a plain (unquoted, untagged) scalar its value.

    Raises:
        NotJsonError: infinity or not-a-number.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if text in _NOT_FINITE:
        raise NotJsonError(f"{text} is not a number that an object can hold")
    number = _read_number(text if text[0] == "." else text.replace("_", ""))
    return text if number is None else number


def _read_number(digits: str) -> int | float | None:
    if len(digits) <= _LONGEST_INTEGER:
        if _DECIMAL.fullmatch(digits):
            return int(digits)
        based = _BASED.fullmatch(digits)
        if based:
            sign, hexadecimal, octal, binary = based.groups()
            value = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(binary, 2)
            return -value if sign == "-" else value
    if _FLOAT.fullmatch(digits):
        value_float = float(digits)
        return value_float if math.isfinite(value_float) else None
    return None


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Give a scalar with one of the standard tags (`!!str`, `!!int`, …) its value.

    Raises:
        ValueError: the tag is not one that Kubernetes' objects can use, or does not fit the text.
    """
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind in {"str", "!"}:
        return text
    value = resolve_plain(text) if text else None
    fits = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "timestamp": isinstance(value, str),
    }
    if kind not in fits:
        raise ValueError(f"the tag {tag} is not supported")
    if not fits[kind]:
        raise ValueError(f"{text!r} cannot be read as !!{kind}")
    return float(value) if kind == "float" and isinstance(value, int) else value


def print_key(value: Scalar) -> str:
    """Print a mapping key as JSON needs it: text. `8080: a` has the key `"8080"`, `on: a` has `"true"`.

    Raises:
        ValueError: null is no key.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if value is None:
        raise ValueError("null cannot be a key")
    return str(value)
