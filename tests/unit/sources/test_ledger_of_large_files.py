"""Remembering the text of large files changes the cost and nothing else."""

from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.model.keys import Key, Kind
from lateen.model.objects import Change, Problem, RawObject, Severity
from lateen.sources import ledger as ledger_module
from lateen.sources import yaml_documents
from lateen.sources.base import FileReport, Move, SourceEvent
from lateen.sources.ledger import Ledger
from lateen.sources.yaml_documents import read_documents
from lateen.sources.yaml_values import Stretch


def identify(raw: RawObject) -> Key | Problem:
    if "name" not in raw:
        return Problem((), "no name", Severity.INFO if raw.get("kind") == "Other" else Severity.ERROR)
    return Key(Kind.SERVICE, "default", raw["name"])


def update(ledger: Ledger, texts: dict[str, str | None], *, remembering: bool) -> list[SourceEvent]:
    readings = {
        file: None if text is None else read_documents(text, file, ledger.known(file) if remembering else None)
        for file, text in texts.items()
    }
    return ledger.update(readings)


@pytest.fixture
def read_stretches() -> Iterator[list[str]]:
    """Record the texts that are really read."""
    texts: list[str] = []
    real = yaml_documents._read_stretch

    def recorded(stretch: Stretch) -> Iterator[yaml_documents._Value]:
        texts.append(stretch.text)
        return real(stretch)

    with mock.patch.object(yaml_documents, "_read_stretch", recorded):
        yield texts


def test_an_edit_of_a_large_file_reads_only_what_was_edited(read_stretches: list[str]) -> None:
    ledger = Ledger(identify)
    documents = [f"name: s{number}\n" for number in range(20)]
    update(ledger, {"a.yaml": "---\n".join(documents)}, remembering=True)
    read_stretches.clear()
    documents[7] = "name: s7\nport: 1\n"
    events = update(ledger, {"a.yaml": "---\n".join(documents)}, remembering=True)
    assert read_stretches == ["---\nname: s7\nport: 1\n"]
    assert [type(event) for event in events] == [Change] + [Move] * 12


def test_a_document_that_must_be_complained_of_is_read_every_time(read_stretches: list[str]) -> None:
    ledger = Ledger(identify)
    text = "---\n".join(["kind: Other\n", *(f"name: s{number}\n" for number in range(20))])
    update(ledger, {"a.yaml": text}, remembering=True)
    read_stretches.clear()
    assert update(ledger, {"a.yaml": text}, remembering=True) == []
    assert read_stretches == ["kind: Other\n"]


DOCUMENTS = st.sampled_from(
    [
        "name: a\n",
        "name: a\nport: 1\n",
        "name: b\n",
        "# note\nname: c\n",
        "kind: List\nitems:\n- name: a\n- name: d\n",
        "kind: List\nitems:\n- name: d\n- 5\n",
        "kind: Other\n",
        "port: 5\n",
        "x: [\n",
        "",
    ]
)
TEXTS = st.lists(DOCUMENTS, max_size=5).map("---\n".join)
STEPS = st.lists(st.dictionaries(st.sampled_from(["a.yaml", "b.yaml"]), st.none() | TEXTS, min_size=1), max_size=8)


@settings(max_examples=60)
@given(STEPS)
def test_remembering_never_shows_in_the_events(steps: list[dict[str, str | None]]) -> None:
    remembering, forgetful = Ledger(identify), Ledger(identify)
    with mock.patch.object(ledger_module, "_LARGE", 1):
        for texts in steps:
            assert update(remembering, texts, remembering=True) == update(forgetful, texts, remembering=False)


@settings(max_examples=60)
@given(STEPS)
def test_the_events_add_up_to_what_the_files_hold(steps: list[dict[str, str | None]]) -> None:
    ledger = Ledger(identify)
    contents: dict[Key, RawObject] = {}
    files: dict[str, str] = {}
    reported: set[str] = set()
    for texts in steps:
        for event in update(ledger, texts, remembering=True):
            if isinstance(event, FileReport):
                reported = (reported | {event.file}) if event.problems else reported - {event.file}
            elif isinstance(event, Change):
                if event.raw is None:
                    del contents[event.key]
                else:
                    contents[event.key] = event.raw
        files.update({file: text for file, text in texts.items() if text is not None})
        for file in [file for file, text in texts.items() if text is None]:
            files.pop(file, None)
        assert reported <= files.keys()
        held = {file: read_documents(text, file) for file, text in files.items()}
        for reading in held.values():
            keys = [identify(document.raw) for document in reading.documents]
            assert {key for key in keys if isinstance(key, Key)} <= contents.keys() or reading.broken
        for key, raw in contents.items():
            origin = ledger.origin(key)
            assert origin is not None
            if not held[origin.file].broken:
                written = {document.line: document.raw for document in held[origin.file].documents}
                assert written[origin.line] == raw or identify(written[origin.line]) != key
