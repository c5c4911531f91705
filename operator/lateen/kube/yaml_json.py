"""JSON that is YAML as well.

Nearly all JSON is, but YAML does not join characters that JSON writes as two escapes, and
wants the one control character escaped that JSON leaves alone.
"""

import json
import re
from typing import Any, Final

_PAIR: Final = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def to_yaml_json(value: Any) -> str:
    """Print a value on one line, in ASCII; mappings of any type are objects."""
    text = json.dumps(value, default=dict).replace("\x7f", r"\u007f")
    return _PAIR.sub(lambda pair: f"\\U{_join(int(pair[1], 16), int(pair[2], 16)):08x}", text)


def _join(high: int, low: int) -> int:
    return 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00)
