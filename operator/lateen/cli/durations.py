"""Times as people type them: `60s`, `1m30s`, `0`."""

import re
from typing import Any, Final

import click

_PARTS: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


class Duration(click.ParamType[float]):
    """A time that ends up in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read hours, minutes and seconds; a number alone means seconds."""
        if isinstance(value, float):
            return value
        found = _PARTS.fullmatch(str(value))
        if found is None or not value:
            self.fail(f"{value!r} is not a time; write for example 60s, 5m or 1h30m", param, ctx)
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return 3600 * hours + 60 * minutes + seconds
