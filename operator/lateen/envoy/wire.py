"""Bytes: deterministic serialisation, packing into `Any`, versions, framing of repeated fields.

Equal IR gives equal bytes on every replica and in every run, so a version is a hash of the
bytes and a proxy that changes replica is sent nothing it already has.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from google.protobuf.message import Message

from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key

Fields: TypeAlias = dict[str, Any]
"""Fields of a message by name, in the form that constructors of generated messages take."""

TYPE_URL_PREFIX: Final = "type.googleapis.com/"

_MICROS: Final = 1_000_000
_NANOS_PER_MICRO: Final = 1_000
_LENGTH_DELIMITED: Final = 2
_VERSION_BYTES: Final = 8


def serialize(message: Message) -> bytes:
    """Encode so that equal messages give equal bytes: map entries are sorted."""
    return message.SerializeToString(deterministic=True)


def packed(message: Message) -> Fields:
    """Return the fields of an `Any` that holds the message."""
    return {"type_url": TYPE_URL_PREFIX + message.DESCRIPTOR.full_name, "value": serialize(message)}


def extension(name: str, message: Message) -> Fields:
    """Return the fields that name and configure one extension: a filter, a transport socket, a predicate."""
    return {"name": name, "typed_config": packed(message)}


def version_of(body: bytes) -> str:
    """Return the version of a resource: 16 hexadecimal digits that depend on its bytes alone."""
    return blake2b(body, digest_size=_VERSION_BYTES).hexdigest()


def resource(
    kind: ResourceType,
    name: str,
    body: bytes,
    needs: Iterable[ResourceKey] = (),
    origins: Iterable[Key] = (),
) -> Resource:
    """Make a resource of encoded bytes; repeated origins are named once, the first place counts."""
    return Resource(
        key=ResourceKey(kind, name),
        version=version_of(body),
        body=body,
        needs=frozenset(needs),
        origins=tuple(dict.fromkeys(origins)),
    )


def duration(seconds: float) -> Fields:
    """Return the fields of a `Duration`, rounded to the microsecond: a float has no more for years."""
    whole, micros = divmod(round(seconds * _MICROS), _MICROS)
    return {"seconds": whole, "nanos": micros * _NANOS_PER_MICRO} if micros else {"seconds": whole}


def value(wrapped: float | bool) -> Fields:  # noqa: FBT001 - a wrapper holds a bare value of either type
    """Return the fields of a wrapper (`BoolValue`, `UInt32Value`, `DoubleValue`, `Percent`)."""
    return {"value": wrapped}


def framed(field_number: int, message: bytes) -> bytes:
    """Frame an encoded message as one entry of a repeated field.

    Entries concatenate: the bytes of a message followed by framed entries are the bytes of
    the message with those entries added, as long as no field of a higher number precedes them.
    """
    return _varint(field_number << 3 | _LENGTH_DELIMITED) + _varint(len(message)) + message


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
