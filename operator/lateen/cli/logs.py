"""Warnings and errors of the program, on standard error, one line each."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import structlog

from lateen.settings import LogSettings

_WARNING: Final = 30
_OTHERS: Final = ("kopf", "aiohttp", "asyncio", "grpc", "uvicorn")
"""Libraries that log by themselves: of them, warnings and what is worse."""


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


def configure_service_logs(settings: LogSettings) -> None:
    """Print everything from a level on, to standard error, for machines or for people."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    render: list[Any] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if settings.format == "json"
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    for name in _OTHERS:
        logging.getLogger(name).setLevel(logging.WARNING)
