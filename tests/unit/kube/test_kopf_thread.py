"""A life of kopf ends with words, whatever ends it. How it is lived is tried with a real API server."""

import asyncio
from pathlib import Path

import pytest

from lateen.kube.crossing import Crossing
from lateen.kube.kopf_thread import KopfThread
from lateen.kube.sighting import Report
from lateen.kube.watching import WatchSettings


@pytest.mark.parametrize("error", [ValueError("a fault"), asyncio.CancelledError("a fault"), SystemExit("a fault")])
async def test_a_thread_that_breaks_off_is_not_waited_for_in_vain(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def work(_: KopfThread) -> str:
        raise error

    monkeypatch.setattr(KopfThread, "_work", work)
    crossing: Crossing[Report] = Crossing(asyncio.get_running_loop(), lambda _: None)
    thread = KopfThread(crossing, WatchSettings(), tmp_path / "none", None)
    async with asyncio.timeout(60):
        assert await thread.run() == "a fault"
