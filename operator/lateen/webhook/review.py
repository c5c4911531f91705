"""One AdmissionReview in, one out: the door (`Intake`), asked by the API server before it stores an object. Pure.

Nothing is looked at but the object itself, so what an API server refuses here, an operator would refuse as well, with
the same words; what is refused because of other objects is told by status.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from lateen.model.keys import Key
from lateen.model.objects import Problem, Severity, print_path
from lateen.validation.intake import Intake

_VERSION: Final = "admission.k8s.io/v1"
_KIND: Final = "AdmissionReview"
_JUDGED: Final = frozenset({"CREATE", "UPDATE"})
_UNPROCESSABLE: Final = 422
_UNNAMED: Final = "unnamed"
"""Stands for the name of an object whose name the API server is about to make."""


class ReviewError(ValueError):
    """What was sent is no AdmissionReview of the version that is spoken here."""


def review(asked: Any, intake: Intake) -> dict[str, Any]:
    """Judge one object.

    Raises:
        ReviewError: nothing was asked.
    """
    if not isinstance(asked, Mapping) or asked.get("apiVersion") != _VERSION or asked.get("kind") != _KIND:
        raise ReviewError(f"{_KIND} of {_VERSION} is expected")
    request = asked.get("request")
    if not isinstance(request, Mapping) or not isinstance(request.get("uid"), str):
        raise ReviewError("a request with its uid is expected")
    problems = _judge(request, intake) if _is_to_be_judged(request) else ()
    errors = [each for each in problems if each.severity is Severity.ERROR]
    warnings = [_line(each) for each in problems if each.severity is Severity.WARNING]
    response: dict[str, Any] = {"uid": request["uid"], "allowed": not errors}
    if errors:
        response["status"] = _status(request, errors)
    if warnings:
        response["warnings"] = warnings
    return {"apiVersion": _VERSION, "kind": _KIND, "response": response}


def _is_to_be_judged(request: Mapping[str, Any]) -> bool:
    """Tell whether the request brings anything that could be wrong.

    An object that was stored while nobody looked must be free to be deleted, and to get a label.
    """
    new, old = request.get("object"), request.get("oldObject")
    if request.get("operation") not in _JUDGED or request.get("subResource") or not isinstance(new, Mapping):
        return False
    if _metadata(new).get("deletionTimestamp"):
        return False
    return not isinstance(old, Mapping) or _matter(new) != _matter(old)


def _matter(raw: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the door looks at."""
    return raw.get("spec"), _metadata(raw).get("annotations")


def _metadata(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    found = raw.get("metadata")
    return found if isinstance(found, Mapping) else {}


def _judge(request: Mapping[str, Any], intake: Intake) -> Iterable[Problem]:
    raw = request["object"]
    metadata = _metadata(raw)
    name = metadata.get("name") or request.get("name") or f"{metadata.get('generateName', '')}{_UNNAMED}"
    namespace = metadata.get("namespace") or request.get("namespace", "")
    named = {**raw, "metadata": {**metadata, "name": name, "namespace": namespace}}
    key = intake.identify(named)
    return intake.admit(key, named).problems if isinstance(key, Key) else (key,)


def _status(request: Mapping[str, Any], errors: list[Problem]) -> dict[str, Any]:
    """Say it as an API server says what contradicts a schema: kubectl prints a line for each field."""
    kind = request.get("kind") if isinstance(request.get("kind"), Mapping) else {}
    return {
        "status": "Failure",
        "code": _UNPROCESSABLE,
        "reason": "Invalid",
        "message": "; ".join(map(_line, errors)),
        "details": {
            "name": str(request.get("name") or ""),
            "group": str((kind or {}).get("group", "")),
            "kind": str((kind or {}).get("kind", "")),
            "causes": [
                {"reason": "FieldValueInvalid", "field": print_path(each.path), "message": each.message}
                for each in errors
            ],
        },
    }


def _line(problem: Problem) -> str:
    """`spec.http[0].timeout: message`, in one line, because it may become a header."""
    text = f"{print_path(problem.path)}: {problem.message}" if problem.path else problem.message
    return " ".join(text.split())
