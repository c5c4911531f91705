"""Rules for header changes and for the values that they write (istio-semantics §1.2.4)."""

import re
from collections.abc import Mapping
from typing import Final

from lateen.model.objects import Problem
from lateen.model.routeaction import HeaderOperations, HeadersSpec
from lateen.validation.formatcommands import is_known
from lateen.validation.report import Report
from lateen.validation.syntax import check_header_name

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# The inside of an argument list from the first character of a text on: up to its `)`,
# or, for a list in brackets, up to `"]` and `)`; a backslash takes the next character with it.
_TEXT: Final = r'(?:\\.|[^\\)"])*'
_ARGUMENTS: Final = rf'(?:\[ *"|[^ \[]){_TEXT}(?:" *, *"{_TEXT})*(?:\)|" *\] *\))'
_VARIABLE: Final = rf"%(?!%)(?P<name>[^%(]*)(?:(?<!%)%|(?P<arguments>\( *{_ARGUMENTS} *)%)"
_FORMAT: Final = re.compile(rf"(?:[^%]|%%|{_VARIABLE})*", re.DOTALL)
_COMMAND: Final = re.compile(rf"%%|{_VARIABLE}", re.DOTALL)


def unknown_commands(value: str) -> tuple[str, ...]:
    """Names of `%COMMANDS%` in a well-formed value that the proxy would refuse; routes with one must not be served."""
    if "%" not in value:
        return ()
    commands = (found for found in _COMMAND.finditer(value) if found[0] != "%%")
    return tuple(
        found["name"] for found in commands if not is_known(found["name"], has_arguments=found["arguments"] is not None)
    )


def check_header_value(value: str) -> tuple[Problem, ...]:
    """No control characters; `%` only as `%%`, `%COMMAND%` or `%COMMAND(arguments)%`."""
    report = Report()
    if _CONTROL.search(value):
        report.error("a header's value has no control characters")
    if "%" in value and _FORMAT.fullmatch(value) is None:
        report.error(f"{value!r} has a lone percent sign; write %% for one, %COMMAND% for a value of the proxy")
    return tuple(report)


def is_authority(name: str) -> bool:
    """Whether the name stands for the Host header."""
    return name.lower() in ("host", ":authority")


def check_headers(headers: HeadersSpec) -> Report:
    """Names and values of all changes of one `headers` block."""
    report = Report()
    for side, operations in (("request", headers.request), ("response", headers.response)):
        if operations is not None:
            report.include(_check_operations(operations, is_request=side == "request"), side)
    return report


def _check_operations(operations: HeaderOperations, *, is_request: bool) -> Report:
    report = Report()
    for operation, values in (("set", operations.set), ("add", operations.add)):
        for name, value in values.items():
            report.include(_check_name(name, may_be_host=is_request), operation, name)
            report.include(check_header_value(value), operation, name)
    for index, name in enumerate(operations.remove):
        report.include(_check_name(name, may_be_host=False), "remove", index)
    return report


def _check_name(name: str, *, may_be_host: bool) -> Report:
    report = Report()
    if may_be_host and is_authority(name):
        return report
    if name.startswith(":") or name.lower() == "host":
        report.error(f"{name!r} cannot be changed here")
    elif not name:
        report.error("a header name is expected, not empty text")
    elif check_header_name(name):
        report.warn(f"{name!r} is not a header name that clients and services accept")
    return report


def check_one_authority(rewrite_authority: str, headers: HeadersSpec | None) -> Report:
    """At most one of `rewrite.authority`, `set` and `add` gives the Host. Paths are relative to the rule."""
    report = Report()
    if headers is None or headers.request is None:
        return report
    current = rewrite_authority
    operations: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("set", headers.request.set),
        ("add", headers.request.add),
    )
    for operation, values in operations:
        for name, value in values.items():
            if not is_authority(name):
                continue
            if current:
                report.error(
                    f"the Host header is given twice, as {current!r} and as {value!r}",
                    "headers",
                    "request",
                    operation,
                    name,
                )
                return report
            current = value
    return report
