"""Findings: what users are told about their objects."""

from dataclasses import dataclass

from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one object, with a stable code (`LAT0101`, see `codes`)."""

    key: Key
    code: str
    severity: Severity
    message: str
    path: FieldPath = ()
