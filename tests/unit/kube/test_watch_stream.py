"""A watch: every change is handed over at once and in order; kopf is told how far the watch has come."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any
from unittest import mock

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from lateen.kube.sighting import Report, Sighting
from lateen.kube.watch_stream import WatchStream
from lateen.model.keys import Kind


def line(event: str, name: str, version: str) -> bytes:
    found = {"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}}
    return json.dumps({"type": event, "object": found}).encode() + b"\n"


def content(pieces: Iterable[bytes]) -> aiohttp.StreamReader:
    protocol = mock.Mock(BaseProtocol, _reading_paused=False)
    stream = aiohttp.StreamReader(protocol, limit=2**16, loop=asyncio.get_running_loop())
    for piece in pieces:
        stream.feed_data(piece)
    stream.feed_eof()
    return stream


async def follow(pieces: Iterable[bytes], size: int = 2**20) -> tuple[list[Sighting], list[Any]]:
    """Give what is handed over, and the lines that kopf gets."""
    put: list[Report] = []
    stream = WatchStream(content(pieces), Kind.SERVICE, put.append)
    told = b"".join([each async for each in stream.iter_chunked(size)])
    return [each for each in put if isinstance(each, Sighting)], [json.loads(each) for each in told.splitlines()]


async def test_changes_are_handed_over_in_order() -> None:
    found, _ = await follow([line("ADDED", "a", "1") + line("MODIFIED", "b", "2"), line("DELETED", "a", "3")])
    assert [(each.key.name, each.version, each.raw is None) for each in found] == [
        ("a", 1, False),
        ("b", 2, False),
        ("a", 3, True),
    ]


async def test_kopf_gets_versions_and_no_objects() -> None:
    _, told = await follow([line("ADDED", "a", "1"), line("DELETED", "a", "3")])
    assert told == [
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}} for version in ("1", "3")
    ]


@pytest.mark.parametrize("event", ["BOOKMARK", "ERROR"])
async def test_bookmarks_and_errors_are_left_to_kopf(event: str) -> None:
    given = {"type": event, "object": {"code": 410, "metadata": {"resourceVersion": "9"}}}
    found, told = await follow([json.dumps(given).encode() + b"\n"])
    assert (found, told) == ([], [given])


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_lines_come_in_pieces_of_any_size(size: int) -> None:
    whole = b"".join(line("MODIFIED", f"n{number}", str(number)) for number in range(5))
    found, told = await follow([whole], size)
    assert [each.version for each in found] == list(range(5))
    assert len(told) == 5


async def test_a_line_that_was_cut_off_is_given_to_nobody() -> None:
    found, told = await follow([line("MODIFIED", "a", "1"), line("MODIFIED", "b", "2")[:-9]])
    assert [each.key.name for each in found] == ["a"]
    assert len(told) == 1


async def test_an_error_of_the_connection_ends_the_watch() -> None:
    broken = content([])
    stream = WatchStream(broken, Kind.SERVICE, lambda _: None)
    stream.set_exception(aiohttp.ClientPayloadError())
    assert stream.exception() is broken.exception()
    with pytest.raises(aiohttp.ClientPayloadError):
        _ = [each async for each in stream.iter_chunked(1)]
