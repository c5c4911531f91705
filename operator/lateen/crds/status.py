"""The schema of `status`: what Lateen says about an object."""

from typing import Any, Final

from lateen.model.keys import Kind

_OPEN: Final = "x-kubernetes-preserve-unknown-fields"
_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_GENERATION: Final = {"x-kubernetes-int-or-string": True}


def status_schema(kind: Kind) -> dict[str, Any]:
    """Give the schema of a kind's status. Whatever others have said there before stays."""
    return {
        "description": "How the object fares: whether it is valid and whether proxies have it.",
        "type": "object",
        "properties": {
            "conditions": _conditions(),
            "observedGeneration": {
                **_GENERATION,
                "description": "The object's generation that the conditions are about.",
            },
            **({"ejections": _ejections()} if kind is Kind.DESTINATION_RULE else {}),
        },
        _OPEN: True,
    }


def _conditions() -> dict[str, Any]:
    condition = {
        "type": {**_TEXT, "description": "What is asked, for example `Programmed`."},
        "status": {**_TEXT, "description": "The answer: `True`, `False` or `Unknown`."},
        "reason": {**_TEXT, "description": "The answer's cause in one word, for programs."},
        "message": {**_TEXT, "description": "The answer's cause, for people."},
        "lastTransitionTime": {**_TIME, "description": "Since when the answer holds."},
        "observedGeneration": {**_GENERATION, "description": "The object's generation that the answer is about."},
    }
    return {
        "description": "Answers to what is asked about every object, one for each question.",
        "type": "array",
        "items": {
            "description": "One question and its answer.",
            "type": "object",
            "required": ["type", "status"],
            "properties": condition,
            _OPEN: True,
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    }


def _ejections() -> dict[str, Any]:
    ejection = {
        "address": {**_TEXT, "description": "The host, as `address:port`."},
        "pod": {**_TEXT, "description": "Name of the pod that has the address, if one has."},
        "service": {**_TEXT, "description": "Host of the service, followed by `/` and the subset if there is one."},
        "proxy": {**_TEXT, "description": "Name of the proxy's pod."},
        "cause": {**_TEXT, "description": "What the host did, for people."},
        "since": {**_TIME, "description": "When it was ejected."},
        "until": {**_TIME, "description": "When it returns at the earliest, if that is known."},
    }
    return {
        "description": "Hosts that outlier detection keeps away from clients now; absent: none.",
        "type": "array",
        "items": {
            "description": "One host that one proxy has ejected.",
            "type": "object",
            "required": ["address"],
            "properties": ejection,
            _OPEN: True,
        },
        "x-kubernetes-list-type": "atomic",
    }
