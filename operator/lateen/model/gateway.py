"""Gateway: on which ports proxies listen, for which hosts, and with which TLS settings (istio-semantics §1.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from lateen.model.schema import SPEC
from lateen.model.values import Flag, Text, UInt32, enumeration


class TlsMode(StrEnum):
    """What a server does with TLS."""

    PASSTHROUGH = "PASSTHROUGH"
    """Forward encrypted connections by their SNI, as VirtualServices say; the default."""

    SIMPLE = "SIMPLE"
    """Decrypt with a server certificate."""

    MUTUAL = "MUTUAL"
    """Decrypt, and demand a client certificate."""

    AUTO_PASSTHROUGH = "AUTO_PASSTHROUGH"
    """Forward encrypted connections to the service and subset that the SNI encodes."""

    ISTIO_MUTUAL = "ISTIO_MUTUAL"
    """Like MUTUAL, with the certificates of the mesh."""

    OPTIONAL_MUTUAL = "OPTIONAL_MUTUAL"
    """Decrypt, and check a client certificate if there is one."""


class TlsVersion(StrEnum):
    """A TLS protocol version."""

    TLS_AUTO = "TLS_AUTO"
    """Whatever the proxy prefers."""

    TLSV1_0 = "TLSV1_0"
    TLSV1_1 = "TLSV1_1"
    TLSV1_2 = "TLSV1_2"
    TLSV1_3 = "TLSV1_3"


ReadTlsMode = Annotated[TlsMode, BeforeValidator(enumeration(TlsMode))]
ReadTlsVersion = Annotated[TlsVersion, BeforeValidator(enumeration(TlsVersion))]


@dataclass(frozen=True, slots=True)
class TlsCertificate:
    """A certificate with its key, both files of the proxy."""

    __pydantic_config__ = SPEC

    server_certificate: Text = ""
    """Path of the certificate chain, PEM."""

    private_key: Text = ""
    """Path of the private key, PEM."""

    ca_certificates: Text = ""
    """Path of CA certificates. Not used: the CA of client certificates is the one of the server."""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """TLS settings of a server."""

    __pydantic_config__ = SPEC

    https_redirect: Flag = False
    """Answer plaintext requests with a redirect to https. Meant for HTTP servers."""

    mode: ReadTlsMode = TlsMode.PASSTHROUGH
    """Whether connections are decrypted, and whether clients need certificates."""

    server_certificate: Text = ""
    """Path of the certificate chain in the proxy's file system."""

    private_key: Text = ""
    """Path of the certificate's private key in the proxy's file system."""

    ca_certificates: Text = ""
    """Path of the CA certificates that client certificates are checked against."""

    ca_crl: Text = ""
    """Path of a revocation list for client certificates."""

    credential_name: Text = ""
    """Secret that holds certificate, key and possibly the CA, in the namespace of the proxy."""

    credential_names: tuple[Text, ...] = ()
    """One or two Secrets, for certificates of different key types. Instead of `credentialName`."""

    ca_cert_credential_name: Text = ""
    """Secret or `configmap://namespace/name` that holds the CA of client certificates, if not the credential's own."""

    tls_certificates: tuple[TlsCertificate, ...] = ()
    """One or two certificates as files, for different key types. Instead of `serverCertificate`."""

    subject_alt_names: tuple[Text, ...] = ()
    """Names of which a client certificate has to carry one."""

    verify_certificate_spki: tuple[Text, ...] = ()
    """Base64 SHA-256 fingerprints of accepted client public keys."""

    verify_certificate_hash: tuple[Text, ...] = ()
    """Hexadecimal SHA-256 fingerprints of accepted client certificates."""

    min_protocol_version: ReadTlsVersion = TlsVersion.TLS_AUTO
    """Oldest TLS version that is accepted."""

    max_protocol_version: ReadTlsVersion = TlsVersion.TLS_AUTO
    """Newest TLS version that is offered."""

    cipher_suites: tuple[Text, ...] = ()
    """Cipher suites by their OpenSSL names, for TLS 1.2 and older; none means the proxy's own choice."""

    ecdh_curves: tuple[Text, ...] = ()
    """Elliptic curves for the key exchange; none means the proxy's own choice."""

    insecure_skip_verify: Flag = False
    """Ask for a client certificate but accept any."""


@dataclass(frozen=True, slots=True)
class ServerPort:
    """The port of a server, in numbers of the Service in front of the proxy."""

    __pydantic_config__ = SPEC

    number: UInt32
    """Port number; 0 together with a `unix://` bind."""

    protocol: Text
    """HTTP, HTTP2, GRPC, GRPC-WEB, HTTP_PROXY, HTTPS, TLS, TCP, MONGO, REDIS, MYSQL; letter case does not matter."""

    name: Text
    """Name of the port, unique within the Gateway."""

    target_port: UInt32 = 0
    """Deprecated, and refused for Gateways."""


@dataclass(frozen=True, slots=True)
class Server:
    """One port, the hosts that are exposed on it, and how connections are secured."""

    __pydantic_config__ = SPEC

    port: ServerPort
    """Port and protocol."""

    hosts: tuple[Text, ...]
    """Exposed hosts, `[namespace/]host`. The namespace (`*`: any, `.`: own) says whose VirtualServices may attach."""

    bind: Text = ""
    """IP address or `unix://` socket to listen on, instead of all addresses."""

    tls: ServerTls | None = None
    """TLS settings; required for HTTPS and TLS."""

    default_endpoint: Text = ""
    """Reserved by the API; of no effect."""

    name: Text = ""
    """Name of the server in statistics."""


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """A load balancer at the edge: ports and hosts that selected proxies expose."""

    __pydantic_config__ = SPEC

    servers: tuple[Server, ...] = ()
    """What is exposed; at least one."""

    selector: Mapping[Text, Text] = field(default_factory=dict)
    """Labels of the proxies that this Gateway configures, in any namespace; none means all of them."""
