"""What an Envoy says: its log, line by line.

Everything goes to a file, the last lines stay in memory for error messages, and warnings are
handed on. Envoy is told to write `level|component|message`, one line each; what has another
shape comes from elsewhere (its parting words when it cannot start, the C library).
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

FORMAT: Final = "%Y-%m-%dT%T.%e|%l|%n|%v"
"""For Envoy's `--log-format`, together with `--log-format-escaped`."""

KEPT_LINES: Final = 40
MAX_FILE_BYTES: Final = 8 * 1024 * 1024
"""A longer log file is put aside as `….1`, replacing the one before it."""

_MAX_LINE: Final = 16 * 1024
_RECORD: Final = re.compile(r"[-\d]+T[:.\d]+\|(trace|debug|info|warning|error|critical)\|([^|]*)\|(.*)")
_DEBUG_MARK: Final = re.compile(r"goo\.gle/debug\w+")
_TOLD_BY_XDS: Final = re.compile(
    r"(?:delta|gRPC) config for \S+ rejected: |(?:lds: listener|cds: cluster) '[^']*' config rejected: "
)
"""A rejection, in up to three records with the whole resource: the control plane hears of it, and tells it in short."""

_EXPECTED: Final = (
    "There is no configured limit to the number of allowed active downstream connections",
    "caught ENVOY_SIGTERM",
)


class Record(NamedTuple):
    """One line of the log."""

    level: str
    """Envoy's level; empty for a line that is not a log record."""
    component: str
    message: str

    @property
    def is_serious(self) -> bool:
        """Whether an operator should hear of it."""
        if self.level not in {"warning", "error", "critical"} or self.message.startswith(_EXPECTED):
            return False
        return _TOLD_BY_XDS.match(self.message) is None


def read_record(line: str) -> Record:
    """Take one line apart."""
    found = _RECORD.fullmatch(line)
    if found is None:
        return Record("", "", _steady(line))
    message = found[3].replace("\\n", " ").replace("\\'", "'").replace('\\"', '"')
    return Record(found[1], found[2], _steady(message))


def _steady(message: str) -> str:
    """Undo what the protobuf library varies in its messages on purpose: blanks, and a mark in front."""
    return " ".join(_DEBUG_MARK.sub("", message).split())


@dataclass(slots=True)
class ProcessLog:
    """Collects the output of one process."""

    path: Path
    on_record: Callable[[Record], None]
    """Told of every serious record."""
    _recent: deque[Record] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _rest: bytes = b""

    def feed(self, chunk: bytes) -> None:
        """Take in output, which need not end at a line's end; an empty chunk ends it."""
        *lines, rest = (self._rest + chunk).split(b"\n")
        if rest and (not chunk or len(rest) > _MAX_LINE):
            lines.append(rest)
            rest = b""
        self._rest = rest
        for line in lines:
            record = read_record(line.decode(errors="replace").rstrip())
            if record.message:
                self._recent.append(record)
                if record.is_serious:
                    self.on_record(record)

    def write(self, chunk: bytes) -> None:
        """Append output to the file. Blocks."""
        with self.path.open("ab") as stream:
            stream.write(chunk)
            size = stream.tell()
        if size > MAX_FILE_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))

    def last_words(self) -> str:
        """Say why the process ended, as far as its output tells; empty when it does not.

        An Envoy that cannot start ends with the bare reason; one that crashes begins its
        report with the signal; otherwise the last error is the best guess.
        """
        records = list(self._recent)
        for record in records:
            if record.component == "backtrace":
                return record.message
        if records and not records[-1].level:
            return records[-1].message
        errors = [record.message for record in records if record.level in {"error", "critical"}]
        return errors[-1] if errors else ""
