"""The catalogue of findings: a stable code for each thing that users are told."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from lateen.ir.finding import Finding
from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Problem, Severity
from lateen.semantics.secrets import MissingSecretError, SecretError, UnsupportedSecretError, UnusableSecretError


class Code(Enum):
    """Codes group by hundreds: 00 the program, 01 the object itself, 02 gateways, 03 references, 04 proxies."""

    INTERNAL_ERROR = ("LAT0001", Severity.ERROR)
    """A fault of Lateen; the last good configuration of the object stays in use."""

    UNREADABLE = ("LAT0100", Severity.ERROR)
    """A file, or a document in it, cannot be read, has no name, or repeats an object of another place."""

    INVALID_FIELD = ("LAT0101", Severity.ERROR)
    """The object breaks a rule of the API and is not served."""

    QUESTIONABLE_FIELD = ("LAT0102", Severity.WARNING)
    """The object is served, but a field is probably not what was meant."""

    NOTE = ("LAT0103", Severity.INFO)
    """Worth knowing about a field."""

    SERVER_REFUSED = ("LAT0201", Severity.ERROR)
    """A server contradicts an older one on the same port."""

    PORT_TAKEN = ("LAT0202", Severity.ERROR)
    """Another proxy on this machine has the port."""

    UNSUPPORTED = ("LAT0203", Severity.ERROR)
    """Valid in Istio, not done by Lateen."""

    GATEWAY_NOT_FOUND = ("LAT0301", Severity.ERROR)
    """A VirtualService names a Gateway that does not exist."""

    HOST_NOT_SERVED = ("LAT0302", Severity.WARNING)
    """No server of the named Gateways is open to a host."""

    SERVICE_NOT_FOUND = ("LAT0303", Severity.ERROR)
    """A destination's host is no known service: requests get 503."""

    PORT_NOT_FOUND = ("LAT0304", Severity.ERROR)
    """A destination's service lacks the port: requests get 503."""

    SUBSET_NOT_FOUND = ("LAT0305", Severity.ERROR)
    """No DestinationRule defines the subset: requests get 503."""

    DELEGATE_NOT_FOUND = ("LAT0306", Severity.ERROR)
    """A delegate does not exist or is not visible: its rule is left out."""

    SECRET_NOT_FOUND = ("LAT0307", Severity.ERROR)
    """A server's credential does not exist: handshakes fail, unless proxies have one from before."""

    SECRET_UNUSABLE = ("LAT0308", Severity.ERROR)
    """A server's credential lacks what is needed; the last good one stays in use."""

    RULE_WITHOUT_SERVICE = ("LAT0309", Severity.WARNING)
    """A DestinationRule's host matches no service."""

    HOST_TAKEN = ("LAT0310", Severity.ERROR)
    """An older VirtualService has the host for calls between services."""

    SERVER_NAME_TAKEN = ("LAT0311", Severity.ERROR)
    """An older filter chain of the listener has the server name of a TLS match."""

    REJECTED = ("LAT0401", Severity.ERROR)
    """A proxy refused the configuration; it keeps the last one it accepted."""

    @property
    def id(self) -> str:
        """`LAT0101`."""
        return self.value[0]

    def about(self, key: Key, message: str, path: FieldPath = ()) -> Finding:
        """Make a finding with the code's own severity."""
        return Finding(key, self.id, self.severity, message, path)

    @property
    def severity(self) -> Severity:
        """How bad it is by default."""
        return self.value[1]


_SECRET_CODES: Final[Mapping[type[SecretError], Code]] = {
    MissingSecretError: Code.SECRET_NOT_FOUND,
    UnsupportedSecretError: Code.UNSUPPORTED,
    UnusableSecretError: Code.SECRET_UNUSABLE,
}


def code_of(severity: Severity, error: Code) -> Code:
    """The code of a statement that has none of its own; `error` is what a mistake means where it is made."""
    return {Severity.ERROR: error, Severity.WARNING: Code.QUESTIONABLE_FIELD, Severity.INFO: Code.NOTE}[severity]


def finding_of(key: Key, problem: Problem, error: Code) -> Finding:
    """What is wrong with fields of an object, as a finding; an error gets the code `error`."""
    return Finding(key, code_of(problem.severity, error).id, problem.severity, problem.message, problem.path)


def secret_code(error: SecretError) -> Code:
    """The code of a reason why material cannot be delivered."""
    return _SECRET_CODES[type(error)]
