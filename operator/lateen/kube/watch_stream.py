"""What a watch brings, taken line by line before kopf sees it; kopf learns how far the watch has come, and no more.

kopf makes a task and a queue for each object that changes, looks for handlers, and makes loggers and copies
for them: a millisecond of CPU an event, for a handler that hands the object on.
"""

import json
from collections.abc import AsyncIterator, Callable
from typing import Final

import aiohttp

from lateen.kube.sighting import Report
from lateen.kube.trimming import sight
from lateen.model.keys import Kind

_CHANGES: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})


class WatchStream:
    """The content of one answer to a watch, in which every change has become a bookmark.

    Bookmarks and errors stay as they are: where to go on, and when to begin anew, is kopf's to decide.
    """

    def __init__(self, content: aiohttp.StreamReader, kind: Kind, put: Callable[[Report], None]) -> None:
        """Read `content`, and tell `put` of each change of an object of this kind."""
        self._content = content
        self._kind = kind
        self._put = put

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Give what has come, at most about `size` bytes at once; whole lines only.

        Raises:
            ValueError: a line is no JSON.
        """
        begun = b""
        async for data in self._content.iter_chunked(size):
            *lines, begun = (begun + data).split(b"\n")
            if told := b"".join(self._take(line) for line in lines if line):
                yield told
        # A line that was cut off is given to nobody: the version before it stands, and it comes again.

    def _take(self, line: bytes) -> bytes:
        event = json.loads(line)
        if event["type"] not in _CHANGES:
            return line + b"\n"
        found = event["object"]
        self._put(sight(self._kind, found, is_deleted=event["type"] == "DELETED"))
        version = found["metadata"].get("resourceVersion")
        seen = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}
        return json.dumps(seen).encode() + b"\n"

    # What an answer of aiohttp asks of its content when the connection is closed.

    def exception(self) -> BaseException | None:
        """Give the error that has ended the content."""
        return self._content.exception()

    def set_exception(self, error: BaseException) -> None:
        """End the content by an error."""
        self._content.set_exception(error)
