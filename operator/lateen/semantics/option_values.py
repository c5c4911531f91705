"""Reads values of proxy options: plain words and numbers, and JSON where they have structure.

Every reader returns the value as it is to be used, or raises an `InputError` whose message
follows the option's name.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from lateen.errors import InputError
from lateen.model.objects import Problem
from lateen.validation.decoding import show
from lateen.validation.syntax import check_ip_subnet, check_label_key, check_labels

OWN: Final = "lateen.io"
"""Domain of labels and annotations that are Lateen's own."""

POD_NAME: Final = "POD_NAME"
"""The environment variable by which Envoy learns its pod's name."""

MOST_PODS: Final = 1000

Reader: TypeAlias = Callable[[str], Any]
"""Reads text."""

Check: TypeAlias = Callable[[Any], Any]
"""Looks at a decoded value."""

_QUANTITY: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+|[munkMGTPE]|[KMGTPE]i)?")
_SHARE: Final = re.compile(r"(?:[0-9]|[1-9][0-9]|100)%")
_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_VARIABLE: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_LARGEST_PORT: Final = 65535


def refuse(message: str) -> NoReturn:
    """Say why a value cannot be used."""
    raise InputError(message)


def read_word(text: str) -> str:
    """Text without spaces."""
    if not text or any(each.isspace() or not each.isprintable() for each in text):
        refuse(f"text without spaces is expected, not {show(text)}")
    return text


def read_name(text: str) -> str:
    """The name of an object."""
    if not _NAME.fullmatch(text):
        refuse(f"the name of an object is expected, not {show(text)}")
    return text


def read_flag(text: str) -> bool:
    """`true` or `false`."""
    if text not in ("true", "false"):
        refuse(f"true or false is expected, not {show(text)}")
    return text == "true"


def read_one_of(*choices: str) -> Reader:
    """One of some words."""

    def read(text: str) -> str:
        if text not in choices:
            refuse(f"one of {', '.join(choices)} is expected, not {show(text)}")
        return text

    return read


def read_whole(least: int, most: int) -> Reader:
    """A whole number in decimal digits."""

    def read(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not digits or not least <= int(text) <= most:
            refuse(f"a whole number from {least} to {most} is expected, not {show(text)}")
        return int(text)

    return read


def read_json(check: Check) -> Reader:
    """JSON without null, which would say nothing, that `check` agrees to."""

    def read(text: str) -> Any:
        try:
            value = json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise InputError(f"JSON is expected: {error}") from error
        _check_parts(value)
        return check(value)

    return read


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _check_parts(value: Any) -> None:
    if value is None:
        refuse("null says nothing: leave the field out")
    if isinstance(value, str) and _HALF_CHARACTER.search(value):
        refuse("half a character is no text")
    if isinstance(value, dict):
        for name, each in value.items():
            _check_parts(name)
            _check_parts(each)
    elif isinstance(value, list):
        for each in value:
            _check_parts(each)


def mapping(value: Any) -> Mapping[str, Any]:
    """An object of JSON."""
    if not isinstance(value, dict):
        refuse(f"a JSON object is expected, not {show(value)}")
    return dict(value)


def mappings(value: Any) -> tuple[Mapping[str, Any], ...]:
    """A list of objects."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        refuse(f"a list of JSON objects is expected, not {show(value)}")
    return tuple(value)


def texts(value: Any) -> Mapping[str, str]:
    """Text by name."""
    for name, each in mapping(value).items():
        if not isinstance(each, str):
            refuse(f"{name}: text is expected, not {show(each)}")
    return dict(value)


def annotations(value: Any) -> Mapping[str, str]:
    """Annotations that are not Lateen's own."""
    found = texts(value)
    for name in found:
        _refuse_all(check_label_key(name))
        _refuse_own(name)
    return found


def labels(value: Any) -> Mapping[str, str]:
    """Labels that are not Lateen's own."""
    found = texts(value)
    _refuse_all(check_labels(found))
    for name in found:
        _refuse_own(name)
    return found


def _refuse_all(problems: Iterable[Problem]) -> None:
    for problem in problems:
        refuse(problem.message)


def _refuse_own(name: str) -> None:
    domain = name.rpartition("/")[0]
    if domain == OWN or domain.endswith(f".{OWN}"):
        refuse(f"{name}: names of {OWN} are Lateen's own")


def resources(value: Any) -> Mapping[str, Mapping[str, str]]:
    """Quantities by resource, asked for and allowed; numbers become text, as Kubernetes keeps them."""
    found: dict[str, dict[str, str]] = {}
    for part, amounts in mapping(value).items():
        if part not in ("requests", "limits"):
            refuse(f"requests and limits are possible, not {show(part)}")
        found[part] = {}
        for name, amount in mapping(amounts).items():
            text = amount if isinstance(amount, str) else json.dumps(amount)
            if not _QUANTITY.fullmatch(text):
                refuse(f"{part}.{name}: a quantity such as 500m or 1Gi is expected, not {show(amount)}")
            found[part][name] = text
    return found


def secrets(value: Any) -> tuple[Mapping[str, str], ...]:
    """Names of Secrets, by themselves or as `{name: …}`."""
    if not isinstance(value, list):
        refuse(f"a list of names is expected, not {show(value)}")
    names = [each["name"] if isinstance(each, dict) and set(each) == {"name"} else each for each in value]
    if not all(isinstance(name, str) for name in names):
        refuse("a list of names is expected")
    return tuple({"name": read_name(name)} for name in names)


def ranges(value: Any) -> tuple[str, ...]:
    """Address ranges in CIDR notation."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        refuse(f"a list of address ranges is expected, not {show(value)}")
    for each in value:
        _refuse_all(check_ip_subnet(each))
        if "/" not in each:
            refuse(f"a range such as {each}/32 is expected, not {show(each)}")
    return tuple(value)


def node_ports(value: Any) -> Mapping[str, int]:
    """Node port by port."""
    for port, node_port in mapping(value).items():
        if not (_is_port(node_port) and port.isascii() and port.isdigit() and _is_port(int(port[:6]))):
            refuse(f"a port by port is expected, not {show(node_port)} by {show(port)}")
    return dict(value)


def _is_port(value: Any) -> bool:
    return type(value) is int and 0 < value <= _LARGEST_PORT


def environment(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Environment variables of a container."""
    found = mappings(value)
    for each in found:
        name = each.get("name")
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or name == POD_NAME:
            refuse(f"the name of a variable is expected, not {show(name)}")
    return found


def fields(**checks: Check) -> Check:
    """A mapping with no other fields than these."""

    def check(value: Any) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for name, each in mapping(value).items():
            if name not in checks:
                refuse(f"{', '.join(checks)} are possible, not {show(name)}")
            try:
                found[name] = checks[name](each)
            except InputError as error:
                raise InputError(f"{name}: {error}") from error
        return found

    return check


def switch(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        refuse(f"true or false is expected, not {show(value)}")
    return bool(value)


def count(value: Any) -> int:
    """How many pods, or percent."""
    if type(value) is not int or not 1 <= value <= MOST_PODS:
        refuse(f"a whole number from 1 to {MOST_PODS} is expected, not {show(value)}")
    return int(value)


def share(value: Any) -> int | str:
    """How many pods, or which part of them."""
    if isinstance(value, str) and _SHARE.fullmatch(value):
        return value
    if type(value) is int and 0 <= value <= MOST_PODS:
        return value
    return refuse(f"a number of pods or a percentage is expected, not {show(value)}")
