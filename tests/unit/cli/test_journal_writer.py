"""The journal on standard output."""

import io
import json

from lateen.cli.journal_writer import JournalWriter, lines_for_people, lines_for_tools
from lateen.ir.finding import Finding
from lateen.runtime.journal import Entry, Serving, Started, Stopped
from lateen.runtime.notices import Notice, notice_of_finding


def notice(finding: Finding) -> Notice:
    return notice_of_finding(finding, None, lambda *_: 1)


async def written(writer: JournalWriter, out: io.StringIO, *entries: Entry) -> list[str]:
    for entry in entries:
        writer.put(entry)
    writer.end()
    await writer.run()
    return out.getvalue().splitlines()


async def test_people_get_the_time_of_day_before_every_line_but_the_first() -> None:
    out = io.StringIO()
    writer = JournalWriter(lines_for_people(notice, lambda: "12:00:01", colours=False), out)
    assert await written(writer, out, Started("default", "1.0", 7, ("shop",)), Stopped()) == [
        "lateen 1.0, instance 'default' (pid 7), reads shop",
        "12:00:01 stopped",
    ]


async def test_colours_are_there_when_asked_for() -> None:
    out = io.StringIO()
    writer = JournalWriter(lines_for_people(notice, lambda: "12:00:01", colours=True), out)
    (line,) = await written(writer, out, Serving(1.0))
    assert line == "12:00:01 \x1b[32mserving, 1.00 s after the start; Ctrl-C ends it\x1b[0m"


async def test_tools_get_an_object_per_line() -> None:
    out = io.StringIO()
    writer = JournalWriter(lines_for_tools(notice, lambda: "2026-01-01T00:00:00+00:00"), out)
    (line,) = await written(writer, out, Stopped())
    assert json.loads(line) == {"time": "2026-01-01T00:00:00+00:00", "event": "stopped"}


class Closed(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(text)


async def test_a_reader_that_goes_away_ends_the_writing_and_nothing_else() -> None:
    out = Closed()
    writer = JournalWriter(lines_for_people(notice, lambda: "12:00:01", colours=False), out)
    assert await written(writer, out, Serving(1.0), Stopped()) == []
