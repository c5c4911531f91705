"""Resources for people: Envoy's JSON, with everything secret taken out.

The messages themselves say which of their fields are secret (option `udpa.annotations.sensitive`),
so a private key cannot slip through in a field that nobody thought of here.
"""

import json
from typing import Any, Final

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from udpa.annotations import sensitive_pb2

from lateen.envoy.wire import TYPE_URL_PREFIX, Fields
from lateen.ir.resource import Resource

REDACTED: Final = "[redacted]"

_ANY: Final = "google.protobuf.Any"


def show_resource(resource: Resource) -> Fields:
    """Decode a resource into the JSON form that Envoy reads; secrets read `[redacted]`."""
    message = _new_message(resource.key.type.value)
    message.ParseFromString(resource.body)
    _redact(message)
    # The detour over text gives plain dictionaries all the way down.
    shown: Fields = json.loads(json_format.MessageToJson(message, indent=None))
    return shown


def _new_message(name: str) -> Message:
    descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    message: Message = message_factory.GetMessageClass(descriptor)()
    return message


def _redact(message: Message) -> None:
    """Blank every field that is marked as sensitive, however deep."""
    if message.DESCRIPTOR.full_name == _ANY:
        _redact_packed(message)
        return
    for field, value in message.ListFields():
        if field.GetOptions().Extensions[sensitive_pb2.sensitive]:
            _blank(message, field, value)
        elif field.message_type is not None:
            for each in _messages(field.message_type, field, value):
                _redact(each)


def _redact_packed(packed: Any) -> None:
    inner = _new_message(packed.type_url.removeprefix(TYPE_URL_PREFIX))
    inner.ParseFromString(packed.value)
    _redact(inner)
    packed.value = inner.SerializeToString(deterministic=True)


def _messages(type_: Descriptor, field: FieldDescriptor, value: Any) -> list[Message]:
    if type_.GetOptions().map_entry:
        return [each for each in value.values() if isinstance(each, Message)]
    return list(value) if field.is_repeated else [value]


def _blank(owner: Message, field: FieldDescriptor, value: Any) -> None:
    """Leave visible that there is something."""
    if field.message_type is not None:
        for each in _messages(field.message_type, field, value):
            each.Clear()
            if "inline_string" in each.DESCRIPTOR.fields_by_name:
                setattr(each, "inline_string", REDACTED)  # noqa: B010 - the message's class is not known here
        return
    blank = REDACTED.encode() if isinstance(value, bytes) else REDACTED
    if field.is_repeated:
        owner.ClearField(field.name)
    else:
        setattr(owner, field.name, blank)
