"""Warnings and errors of the program, on standard error, one line each."""

import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import structlog

_WARNING: Final = 30


def configure_logs(time_of_day: Callable[[], str]) -> None:
    """Print warnings and what is worse: `12:00:01 warning: Envoy says proxy=… message=…`."""

    def print_line(_: Any, level: str, event: MutableMapping[str, Any]) -> str:
        text = str(event.pop("event", ""))
        if event.pop("exc_info", None):
            text += f": {sys.exc_info()[1]!r}"
        details = " ".join(f"{name}={value}" for name, value in event.items())
        return f"{time_of_day()} {level}: {text}{' ' if details else ''}{details}"

    structlog.configure(
        processors=[print_line],
        wrapper_class=structlog.make_filtering_bound_logger(_WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
