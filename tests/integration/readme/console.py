"""Sessions in Markdown: blocks marked `console`, in which `$` begins a command and its output follows.

In the output `…` stands for anything within a line, and a line of only `…` for any lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANYTHING = "…"


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and what a document says that it prints."""

    command: str
    output: tuple[str, ...]

    def is_printed_by(self, text: str) -> bool:
        """Whether an output is as promised, from its first line on."""
        return re.match(self._pattern() + r"\Z", text) is not None

    def has_been_printed_by(self, text: str) -> bool:
        """Whether an output that goes on has everything that is promised."""
        return re.match(self._pattern(), text) is not None

    def _pattern(self) -> str:
        return "".join(
            r"(?:.*\n)*?" if line == _ANYTHING else ".*?".join(map(re.escape, line.split(_ANYTHING))) + r"\n"
            for line in self.output
        )


def steps_of(markdown: str) -> Iterator[Step]:
    """Give the commands of all sessions, in reading order."""
    for block in _BLOCK.findall(markdown):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            yield Step(command, tuple(output))
