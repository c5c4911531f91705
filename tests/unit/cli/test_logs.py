"""Warnings of the program on standard error."""

from collections.abc import Iterator

import pytest
import structlog

from lateen.cli.logs import configure_logs


@pytest.fixture(autouse=True)
def default_logs_afterwards() -> Iterator[None]:
    """Undo the configuration, which is the process's."""
    yield
    structlog.reset_defaults()


def test_warnings_are_lines_with_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(lambda: "12:00:01")
    log = structlog.get_logger("lateen.test")
    log.info("not of interest")
    log.warning("Envoy says", proxy="shared/a", message="no")
    log.error("alone")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "12:00:01 warning: Envoy says proxy=shared/a message=no",
        "12:00:01 error: alone",
    ]


def test_an_exception_is_named_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(lambda: "12:00:01")
    try:
        int("x")
    except ValueError:
        structlog.get_logger("lateen.test").exception("it failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('12:00:01 error: it failed: ValueError("invalid literal')
