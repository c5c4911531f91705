"""How objects of Kubernetes itself are decoded: read, never owned, so fields nobody needs pass unseen."""

from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, PlainValidator

from lateen.model.schema import SPEC

KUBERNETES: Final = ConfigDict(**{**SPEC, "extra": "ignore"})
"""Configuration of the spec dataclasses of Kubernetes' own kinds."""


def read_port_reference(value: object) -> int | str:
    """Read a port that is given by number or by name.

    Raises:
        ValueError: neither a whole number nor text.
    """
    if type(value) is int or isinstance(value, str):
        return value
    message = f"a port number or a port name is expected, not {value!r}"
    raise ValueError(message)


PortReference: TypeAlias = Annotated[int | str, PlainValidator(read_port_reference)]
"""A port by number, or by the name that it has in the pod."""
