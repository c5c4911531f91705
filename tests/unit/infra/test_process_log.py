"""What is taken from an Envoy's output."""

from pathlib import Path

import pytest

from lateen.infra import process_log
from lateen.infra.process_log import KEPT_LINES, ProcessLog, Record, read_record

STAMP = "2024-05-01T10:00:00.123"


class Heard:
    """A log, and what it handed on."""

    def __init__(self, directory: Path) -> None:
        """Begin with nothing heard."""
        self.records: list[Record] = []
        self.log = ProcessLog(directory / "envoy.log", self.records.append)


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


def test_a_record_is_taken_apart_and_its_escapes_are_undone() -> None:
    line = f"{STAMP}|error|config|listener \\'l\\' failed: cannot bind\\n  \\'127.0.0.1:80\\'"
    assert read_record(line) == Record("error", "config", "listener 'l' failed: cannot bind '127.0.0.1:80'")


def test_another_line_is_a_message_without_level() -> None:
    assert read_record("Invalid path: x.json") == Record("", "", "Invalid path: x.json")


def test_what_protobuf_varies_from_time_to_time_is_undone() -> None:
    line = "goo.gle/debugstr  no  such field:   'x'"
    assert read_record(line).message == "no such field: 'x'"
    assert read_record(f"{STAMP}|error|main|initializing 'goo.gle/debugonly  \\n a'").message == "initializing ' a'"


def test_warnings_and_worse_are_handed_on_and_the_expected_ones_are_not(heard: Heard) -> None:
    for level, message in [
        ("info", "all well"),
        ("warning", "caught ENVOY_SIGTERM"),
        ("warning", "strange"),
        ("critical", "worse"),
    ]:
        heard.log.feed(f"{STAMP}|{level}|main|{message}\n".encode())
    assert [record.message for record in heard.records] == ["strange", "worse"]


@pytest.mark.parametrize(
    "message",
    [
        'delta config for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: name: "a"',
        "gRPC config for type.googleapis.com/envoy.config.listener.v3.Listener rejected: cannot bind",
        "lds: listener \\'127.0.0.1_80\\' config rejected: cannot bind",
        "cds: cluster \\'outbound|80||a\\' config rejected: Invalid path",
    ],
)
def test_rejections_are_not_told_twice_as_xds_tells_them(heard: Heard, message: str) -> None:
    heard.log.feed(f"{STAMP}|warning|config|{message}\n".encode())
    assert heard.records == []


def test_lines_arrive_in_pieces(heard: Heard) -> None:
    data = f"{STAMP}|warning|main|one\n{STAMP}|warning|main|two".encode()
    for at in range(len(data)):
        heard.log.feed(data[at : at + 1])
    assert [record.message for record in heard.records] == ["one"]
    heard.log.feed(b"")
    assert [record.message for record in heard.records] == ["one", "two"]


def test_a_line_without_end_is_cut(heard: Heard) -> None:
    heard.log.feed(b"x" * 100_000)
    assert heard.log.last_words() == "x" * 100_000
    assert heard.log._rest == b""


def test_memory_of_lines_is_bounded(heard: Heard) -> None:
    heard.log.feed(b"line\n" * (KEPT_LINES * 3))
    assert len(heard.log._recent) == KEPT_LINES


def test_the_bare_reason_at_the_end_is_why_envoy_did_not_start(heard: Heard) -> None:
    heard.log.feed(f"{STAMP}|critical|main|error initializing\ncannot bind: Address already in use\n".encode())
    assert heard.log.last_words() == "cannot bind: Address already in use"


def test_the_signal_is_why_envoy_crashed(heard: Heard) -> None:
    crash = f"{STAMP}|critical|backtrace|Caught Aborted\n{STAMP}|critical|backtrace|#0\n"
    heard.log.feed(f"{STAMP}|error|main|earlier\n{crash}".encode())
    assert heard.log.last_words() == "Caught Aborted"


def test_the_last_error_is_the_best_guess_otherwise(heard: Heard) -> None:
    heard.log.feed(f"{STAMP}|error|main|first\n{STAMP}|error|main|second\n{STAMP}|warning|main|third\n".encode())
    assert heard.log.last_words() == "second"


def test_silence_explains_nothing(heard: Heard) -> None:
    assert heard.log.last_words() == ""


def test_the_file_is_put_aside_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_log, "MAX_FILE_BYTES", 10)
    log = Heard(tmp_path).log
    for chunk in (b"12345678\n", b"90\n", b"new\n"):
        log.write(chunk)
    assert (tmp_path / "envoy.log.1").read_bytes() == b"12345678\n90\n"
    assert (tmp_path / "envoy.log").read_bytes() == b"new\n"
