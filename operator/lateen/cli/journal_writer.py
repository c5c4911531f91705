"""Writes the journal to standard output, aside from the event loop: neither files nor a full pipe hold it up."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import TextIO

import click

from lateen.cli.narrator import Narrator
from lateen.runtime.journal import Entry, Started
from lateen.runtime.journal_records import Notices, record_of

Render = Callable[[Entry], Iterable[str]]
"""From an entry to lines; called in a thread, one entry at a time."""


class JournalWriter:
    """Takes entries at once and writes them in order, from a thread."""

    def __init__(self, render: Render, out: TextIO) -> None:
        """Write to `out`."""
        self._render = render
        self._out = out
        self._entries: asyncio.Queue[Entry | None] = asyncio.Queue()

    def put(self, entry: Entry) -> None:
        """Take one entry."""
        self._entries.put_nowait(entry)

    def end(self) -> None:
        """Let `run` return once everything is written."""
        self._entries.put_nowait(None)

    async def run(self) -> None:
        """Write until `end`."""
        while (entry := await self._entries.get()) is not None:
            try:
                await asyncio.to_thread(self._write, entry)
            except OSError:  # nobody reads any more; what runs goes on
                return

    def _write(self, entry: Entry) -> None:
        for line in self._render(entry):
            self._out.write(line + "\n")
        self._out.flush()


def lines_for_people(notice: Notices, time_of_day: Callable[[], str], *, colours: bool) -> Render:
    """Say it in words, each line with the time of day."""
    narrator = Narrator(notice)

    def render(entry: Entry) -> Iterable[str]:
        for line in narrator.lines(entry):
            text = click.style(line.text, fg=line.colour) if colours and line.colour else line.text
            yield text if isinstance(entry, Started) else f"{time_of_day()} {text}"

    return render


def lines_for_tools(notice: Notices, time: Callable[[], str]) -> Render:
    """Write one JSON object for each entry."""

    def render(entry: Entry) -> Iterable[str]:
        yield json.dumps({"time": time(), **record_of(entry, notice)}, ensure_ascii=False)

    return render
