"""Resources as people see them."""

import json

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from envoy.extensions.transport_sockets.tls.v3.tls_pb2 import DownstreamTlsContext

from lateen.envoy.display import show_resource
from lateen.envoy.wire import packed, resource, serialize
from lateen.ir.resource import ResourceType

KEY = "-----BEGIN PRIVATE KEY-----"


def test_a_resource_is_shown_as_envoys_json() -> None:
    body = serialize(Listener(name="web", address={"socket_address": {"address": "127.0.0.1", "port_value": 80}}))
    shown = show_resource(resource(ResourceType.LISTENER, "web", body))
    assert shown == {"name": "web", "address": {"socketAddress": {"address": "127.0.0.1", "portValue": 80}}}


def test_private_keys_are_taken_out() -> None:
    secret = Secret(
        name="edge",
        tls_certificate={
            "certificate_chain": {"inline_string": "public"},
            "private_key": {"inline_bytes": KEY.encode()},
            "password": {"inline_string": "sesame"},
        },
    )
    shown = show_resource(resource(ResourceType.SECRET, "edge", serialize(secret)))
    assert shown["tlsCertificate"] == {
        "certificateChain": {"inlineString": "public"},
        "privateKey": {"inlineString": "[redacted]"},
        "password": {"inlineString": "[redacted]"},
    }


def test_secrets_deep_inside_a_listener_are_taken_out() -> None:
    context = DownstreamTlsContext(
        common_tls_context={"tls_certificates": [{"private_key": {"inline_string": KEY}}]},
        session_ticket_keys={"keys": [{"inline_string": KEY}]},
    )
    chain = {"transport_socket": {"name": "tls", "typed_config": packed(context)}}
    body = serialize(Listener(name="web", filter_chains=[chain]))
    shown = json.dumps(show_resource(resource(ResourceType.LISTENER, "web", body)))
    assert KEY not in shown
    assert shown.count("[redacted]") == 2
