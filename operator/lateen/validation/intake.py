"""The one door: every object passes here before anything else sees it.

`Intake.identify` names a document, `Intake.admit` turns it into a validated object or says
why not. Both are total: whatever a file contains, they return.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from pydantic.alias_generators import to_camel

from lateen.model.destinationrule import DestinationRuleSpec
from lateen.model.endpointslice import EndpointSliceSpec
from lateen.model.gateway import GatewaySpec
from lateen.model.keys import Key, Kind
from lateen.model.objects import FieldPath, Object, Problem, RawObject, Severity
from lateen.model.pod import PodSpec
from lateen.model.secret import SecretSpec
from lateen.model.service import ServiceSpec
from lateen.model.serviceentry import ServiceEntrySpec
from lateen.model.sidecar import SidecarSpec
from lateen.model.virtualservice import VirtualServiceSpec
from lateen.model.workloadentry import WorkloadEntrySpec
from lateen.validation.decoding import Decoder, show
from lateen.validation.destinationrule import check_destination_rule
from lateen.validation.gateway import check_gateway
from lateen.validation.identity import identify
from lateen.validation.metadata import check_istio_object, read_generation, read_meta
from lateen.validation.serviceentry import check_service_entry
from lateen.validation.sidecar import check_sidecar
from lateen.validation.virtualservice import check_virtual_service
from lateen.validation.workloadentry import check_workload_entry

__all__ = ["Admission", "Intake", "identify"]

Rules: TypeAlias = Callable[[Object[Any]], Iterable[Problem]]
"""Checks one decoded object; paths start at the object: `("spec", "hosts", 0)`."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """How objects of one kind are read."""

    spec: type[Any]
    rules: Rules | None = None
    """None for the kinds of Kubernetes, which its own API server has checked."""
    part: str = ""
    """The part of the object that is decoded; empty: all of it."""

    @property
    def is_istio(self) -> bool:
        """Whether this is one of the kinds whose every field matters."""
        return self.rules is not None


_READINGS: Final[Mapping[Kind, _Reading]] = {
    Kind.GATEWAY: _Reading(GatewaySpec, check_gateway, "spec"),
    Kind.VIRTUAL_SERVICE: _Reading(VirtualServiceSpec, check_virtual_service, "spec"),
    Kind.DESTINATION_RULE: _Reading(DestinationRuleSpec, check_destination_rule, "spec"),
    Kind.SERVICE_ENTRY: _Reading(ServiceEntrySpec, check_service_entry, "spec"),
    Kind.WORKLOAD_ENTRY: _Reading(WorkloadEntrySpec, check_workload_entry, "spec"),
    Kind.SIDECAR: _Reading(SidecarSpec, check_sidecar, "spec"),
    Kind.SERVICE: _Reading(ServiceSpec, part="spec"),
    Kind.ENDPOINT_SLICE: _Reading(EndpointSliceSpec),
    Kind.POD: _Reading(PodSpec),
    Kind.SECRET: _Reading(SecretSpec),
}


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one object: None if and only if there is an error among the problems."""

    object: Object[Any] | None
    problems: tuple[Problem, ...] = ()


class Intake:
    """Validates objects. Stateless apart from validators, which are built at the first object of their kind."""

    def __init__(self, *, default_namespace: str = "default", unknown_fields: Severity = Severity.WARNING) -> None:
        """Choose the rules of the door.

        Args:
            default_namespace: for objects that name none.
            unknown_fields: WARNING to use the rest of an object with an unknown field, ERROR to refuse it.
        """
        self._default_namespace = default_namespace
        self._unknown_fields = unknown_fields
        self._decoders: dict[Kind, Decoder[Any]] = {}

    def identify(self, raw: RawObject) -> Key | Problem:
        """Name an object, or say why it has no name (`lateen.validation.identity.identify`)."""
        return identify(raw, self._default_namespace)

    def admit(self, key: Key, raw: RawObject) -> Admission:
        """Validate one object that `identify` has named. Never raises.

        Problems carry paths as the object's author wrote them, starting at `spec` or `metadata`.
        """
        reading = _READINGS[key.kind]
        value: object = raw.get(reading.part) if reading.part else dict(raw)
        prefix: FieldPath = (reading.part,) if reading.part else ()
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            return Admission(None, (Problem(prefix, f"a mapping is expected, not {show(value)}"),))
        meta, problems = read_meta(key, raw)
        found = list(problems)
        if reading.is_istio:
            found.extend(check_istio_object(meta, raw))
        decoded = self._decoder(key.kind, reading).decode(value)
        found.extend(replace(problem, path=prefix + problem.path) for problem in decoded.problems)
        if decoded.spec is None:
            return Admission(None, tuple(found))
        admitted = Object(key, meta, decoded.spec, read_generation(raw))
        if reading.rules is not None:
            found.extend(_as_written(problem, raw) for problem in reading.rules(admitted))
        if any(problem.severity is Severity.ERROR for problem in found):
            return Admission(None, tuple(found))
        return Admission(admitted, tuple(found))

    def _decoder(self, kind: Kind, reading: _Reading) -> Decoder[Any]:
        decoder = self._decoders.get(kind)
        if decoder is None:
            decoder = Decoder(reading.spec, unknown_fields=self._unknown_fields, secret=kind is Kind.SECRET)
            self._decoders[kind] = decoder
        return decoder


def _as_written(problem: Problem, raw: RawObject) -> Problem:
    """Spell the path of a rule's problem like the author did, who may prefer snake_case."""
    path: list[str | int] = []
    value: Any = raw
    for part in problem.path:
        spelled = part
        if isinstance(value, Mapping) and isinstance(part, str) and part not in value:
            spelled = next((name for name in value if isinstance(name, str) and to_camel(name) == part), part)
        path.append(spelled)
        try:
            value = value[spelled]
        except (KeyError, IndexError, TypeError):
            value = None
    return replace(problem, path=tuple(path))
