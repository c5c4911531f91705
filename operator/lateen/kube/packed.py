"""Objects as few bytes, until somebody reads them.

As decoded JSON, an object takes ten times as much memory as its text; thirty thousand of them
wait together until everything has been read.
"""

import marshal
from collections.abc import Iterator, Mapping
from typing import Any, Final

_FORMAT: Final = 2
"""Of `marshal`: the last one that writes equal values as equal bytes."""


def pack(value: Any) -> bytes:
    """Write a value of JSON; equal values with equal order of keys become equal bytes."""
    return marshal.dumps(value, _FORMAT)


class Packed(Mapping[str, Any]):
    """One object, decoded when it is first read."""

    __slots__ = ("_data", "_value")

    def __init__(self, data: bytes) -> None:
        """Keep what `pack` has written."""
        self._data = data
        self._value: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        """One part of the object."""
        return self._unpacked()[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the parts."""
        return iter(self._unpacked())

    def __len__(self) -> int:
        """Give the number of parts."""
        return len(self._unpacked())

    def _unpacked(self) -> dict[str, Any]:
        if self._value is None:
            self._value = marshal.loads(self._data)  # noqa: S302 - written by this process, and never stored
        return self._value
