"""The group `validation/`: one object each, which is to be admitted or refused."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.parity.verdict import Judgement, Verdict, unjudgeable

from lateen.model.keys import Key
from lateen.model.objects import Severity, print_path
from lateen.sources.yaml_documents import read_documents
from lateen.validation.intake import Intake

GROUP: Final = "validation"
_NETWORKING: Final = "networking.istio.io/"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the door says to a file."""

    read: bool
    """Whether Lateen reads this kind at all."""
    errors: tuple[str, ...]


def judge_validation(folder: Path) -> Iterator[Judgement]:
    """Put every file before the door: `invalid` has to be refused, `valid` has to be admitted."""
    intake = Intake()
    for case in json.loads((folder / "index.json").read_text()):
        try:
            yield _judge(case, _ask(intake, (folder / case["file"]).read_text()))
        except Exception as error:  # noqa: BLE001 - one case must not hide the others
            yield unjudgeable(GROUP, case["kind"], Path(case["file"]).stem, error)


def _judge(case: dict[str, Any], answer: _Answer) -> Judgement:
    kind, name, expected = case["kind"], Path(case["file"]).stem, case["expect"]
    if not answer.read:
        return Judgement(GROUP, kind, name, Verdict.UNSUPPORTED, expected, None, f"kind {kind}")
    got = "invalid" if answer.errors else "valid"
    if got == expected:
        return Judgement(GROUP, kind, name, Verdict.PASSED, expected, got)
    reason = "; ".join(answer.errors) or f"admitted; the reference says: {case.get('why') or case.get('why_crd')}"
    return Judgement(GROUP, kind, name, Verdict.FAILED, expected, got, reason)


def _ask(intake: Intake, text: str) -> _Answer:
    reading = read_documents(text, "case.yaml")
    errors = [str(problem) for problem in reading.problems if problem.severity is Severity.ERROR]
    for document in reading.documents:
        key = intake.identify(document.raw)
        if isinstance(key, Key):
            problems = intake.admit(key, document.raw).problems
            errors += [f"{print_path(p.path)}: {p.message}" for p in problems if p.severity is Severity.ERROR]
        elif key.path == ("kind",):
            return _Answer(read=False, errors=())
        else:
            errors.append(f"{print_path(key.path)}: {key.message}")
    return _Answer(read=True, errors=tuple(errors))
