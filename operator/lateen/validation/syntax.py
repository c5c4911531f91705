"""Checks of single values: names, ports, durations, expressions, labels, visibility.

Each check returns the problems of one value, with a path relative to that value (mostly
empty); `under` puts them where the value stands. Rules: istio-semantics §4.0.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import re2

from lateen.model.hosts import is_ip_address
from lateen.model.objects import Problem, Severity

Problems: TypeAlias = tuple[Problem, ...]
"""What a check returns; empty when all is well."""

LABEL_LENGTH: Final = 63
NAME_LENGTH: Final = 255
REGEX_BYTES: Final = 1024
MILLISECOND: Final = 0.001
_ROUNDING: Final = 5e-7
"""A duration is a float; a part of a millisecond below this is rounding, not intent."""

_LABEL: Final = re.compile(r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_WILDCARD_LABEL: Final = re.compile(r"\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_QUALIFIED: Final = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_HEADER: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-zA-Z]+")
_NUMERIC: Final = re.compile(r"[0-9]+")


def problem(message: str, *path: str | int) -> Problems:
    """One error at the path, as checks return it."""
    return (Problem(path, message),)


def warning(message: str, *path: str | int) -> Problems:
    """One warning at the path, as checks return it."""
    return (Problem(path, message, Severity.WARNING),)


def under(problems: Iterable[Problem], *path: str | int) -> Iterator[Problem]:
    """Put problems below `path`: those of `servers[0].port` found by a check that knows only ports."""
    for each in problems:
        yield replace(each, path=path + each.path)


def is_dns_label(text: str) -> bool:
    """Whether the text is one label of a DNS name (RFC 1123): letters of either case, digits, inner hyphens; ≤ 63."""
    return len(text) <= LABEL_LENGTH and _LABEL.fullmatch(text) is not None


def check_dns_label(text: str) -> Problems:
    """One DNS label: names of namespaces, ports, subsets."""
    if is_dns_label(text):
        return ()
    return problem(f"{text!r} is not a DNS label: letters, digits and inner hyphens, at most 63 characters")


def _check_labels_of(name: str, whole: str) -> Problems:
    labels = name.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return problem(f"{whole!r} is not a domain name: its last label is a number")
    if labels[-1] == "":  # the trailing dot of an absolute name
        labels.pop()
    for label in labels:
        if not is_dns_label(label):
            return problem(f"{whole!r} is not a domain name: {label!r} is not a DNS label")
    return ()


def _check_name_length(name: str) -> Problems:
    if not name:
        return problem("a domain name is expected, not empty text")
    if len(name) > NAME_LENGTH:
        return problem(f"{name[:40]!r}… has more than {NAME_LENGTH} characters")
    return ()


def check_fqdn(name: str) -> Problems:
    """A domain name without wildcard; a single label and a trailing dot are allowed."""
    return _check_name_length(name) or _check_labels_of(name, name)


def check_wildcard_domain(name: str) -> Problems:
    """A domain name whose first label may be `*`, `*foo` or `*-foo`."""
    if too_long := _check_name_length(name):
        return too_long
    first, dot, rest = name.partition(".")
    if len(first) > LABEL_LENGTH or _WILDCARD_LABEL.fullmatch(first) is None:
        return problem(f"{name!r} is not a domain name: {first!r} is neither a DNS label nor a wildcard")
    return _check_labels_of(rest, name) if dot else ()


def check_ip_address(text: str) -> Problems:
    """An IPv4 or IPv6 address without prefix length."""
    return () if is_ip_address(text) else problem(f"{text!r} is not an IP address")


def check_ip_subnet(text: str) -> Problems:
    """An IP address, or a subnet in CIDR notation; host bits may be set."""
    address, slash, length = text.partition("/")
    if not slash:
        return check_ip_address(text)
    if is_ip_address(address) and _NUMERIC.fullmatch(length):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            pass
        else:
            return ()
    return problem(f"{text!r} is not a subnet in CIDR notation")


def check_port(number: int) -> Problems:
    """A port number, 1 to 65535."""
    return () if 1 <= number <= 65535 else problem(f"a port number lies between 1 and 65535, not {number}")


def check_duration(seconds: float) -> Problems:
    """At least one millisecond, in whole milliseconds."""
    if seconds < MILLISECOND:
        return problem("a duration of at least 1ms is expected")
    milliseconds = seconds * 1000
    if abs(milliseconds - round(milliseconds)) > _ROUNDING:
        return problem("a duration in whole milliseconds is expected")
    return ()


def check_percent(percent: float) -> Problems:
    """A percentage, 0 to 100."""
    return () if 0 <= percent <= 100 else problem(f"a percentage lies between 0 and 100, not {percent:g}")


def check_fractional_percent(percent: float) -> Problems:
    """Zero, or 0.0001 to 100: smaller shares cannot be told apart."""
    if percent == 0 or 0.0001 <= percent <= 100:
        return ()
    return problem(f"a percentage is 0 or lies between 0.0001 and 100, not {percent:g}")


def check_regex(expression: str) -> Problems:
    """An RE2 expression of 1 to 1024 bytes, as text and, as the proxy reads it, as bytes (Latin-1)."""
    if not expression:
        return problem("an expression is expected, not empty text")
    if len(expression.encode()) > REGEX_BYTES:
        return problem(f"an expression has at most {REGEX_BYTES} bytes")
    options = re2.Options()
    options.log_errors = False  # otherwise the C++ library writes to stderr itself
    try:
        re2.compile(expression, options)
        if not expression.isascii() or r"\x{" in expression:
            options.encoding = re2.Options.Encoding.LATIN1
            re2.compile(expression.encode(), options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return problem(f"{expression!r} is not an RE2 expression: {text}")
    return ()


def check_header_name(name: str) -> Problems:
    """An HTTP header's name: token characters only (RFC 9110 §5.1)."""
    if _HEADER.fullmatch(name):
        return ()
    return problem(f"{name!r} is not a header name" if name else "a header name is expected, not empty text")


def check_label_key(key: str) -> Problems:
    """A label's key: an optional DNS prefix and a slash, then a name of at most 63 characters."""
    prefix, slash, name = key.rpartition("/")
    if len(name) > LABEL_LENGTH or _QUALIFIED.fullmatch(name) is None:
        return problem(f"{key!r} is not a label key")
    if slash and (len(prefix) > 253 or not all(_LABEL.fullmatch(part) for part in prefix.split("."))):
        return problem(f"{key!r} is not a label key: {prefix!r} is not a DNS name")
    return ()


def check_labels(labels: Mapping[str, str]) -> Problems:
    """Labels as Kubernetes allows them; the path of a problem is the label's key."""
    found: list[Problem] = []
    for key, value in labels.items():
        found.extend(under(check_label_key(key), key))
        if value and (len(value) > LABEL_LENGTH or _QUALIFIED.fullmatch(value) is None):
            found.extend(problem(f"{value!r} is not a label value", key))
    return tuple(found)


def check_selector(labels: Mapping[str, str]) -> Problems:
    """Labels that select workloads: no empty key, no wildcard; none at all selects everything."""
    if not labels:
        return warning("a selector without labels selects every workload of the namespace")
    found: list[Problem] = []
    for key, value in labels.items():
        if not key:
            found.extend(problem("a selector's key must not be empty"))
        if "*" in key or "*" in value:
            found.extend(problem(f"a selector has no wildcards: {key}={value}", key))
        if len(value) > LABEL_LENGTH:
            found.extend(problem(f"no label has a value of more than {LABEL_LENGTH} characters", key))
    return tuple(found)


def check_export_to(export_to: Sequence[str], namespace: str, *, may_hide: bool = False) -> Problems:
    """To whom an object is visible: `*` alone, `.`, namespaces; `~` (nobody) alone and only if `may_hide`.

    Args:
        export_to: the list as written.
        namespace: the object's own, which `.` means.
        may_hide: whether the kind can be hidden from everybody (ServiceEntry).
    """
    found: list[Problem] = []
    seen: set[str] = set()
    for index, entry in enumerate(export_to):
        resolved = namespace if entry == "." else entry
        if resolved in seen:
            found.extend(problem(f"{entry!r} is listed twice" + ("" if entry == resolved else " (as itself)"), index))
            continue
        seen.add(resolved)
        if resolved == "~" and not may_hide:
            found.extend(problem("'~' is possible for a ServiceEntry only", index))
        elif resolved not in ("*", "~") and entry != ".":
            found.extend(under(check_dns_label(entry), index))
    for alone in ("*", "~"):
        if alone in seen and len(seen) > 1 and (alone == "*" or may_hide):
            found.extend(problem(f"{alone!r} stands alone or not at all"))
    return tuple(found)
