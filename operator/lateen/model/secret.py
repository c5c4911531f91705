"""Secret: certificates and keys. Values appear in no `repr`, no message and no log."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BeforeValidator

from lateen.model.kubernetes import KUBERNETES
from lateen.model.values import Text


def read_base64(value: object) -> bytes:
    """Decode one value of `data`; line breaks inside are allowed.

    Raises:
        ValueError: not text, or not base64. The message does not show the value.
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError("base64 text is expected")  # noqa: TRY004 - pydantic turns only ValueError into a finding
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error:
        raise ValueError("base64 text is expected, but this cannot be decoded") from None


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """Named values. The object has no `spec`: these are its top-level fields."""

    __pydantic_config__ = KUBERNETES

    type: Text = "Opaque"
    """Kind of secret, for example `kubernetes.io/tls`; says which names to expect."""

    data: Mapping[Text, Annotated[bytes, BeforeValidator(read_base64)]] = field(default_factory=dict, repr=False)
    """Values by name; base64 as written, decoded here."""

    string_data: Mapping[Text, Text] = field(default_factory=dict, repr=False)
    """Values by name as plain text; these win over `data`."""

    @property
    def values(self) -> Mapping[str, bytes]:
        """All values by name; plain ones win over encoded ones."""
        return {**self.data, **{name: text.encode() for name, text in self.string_data.items()}}
