"""Certificates of an authority that exists for one module of tests."""

import base64
import datetime as dt
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_START: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_END: Final = _START + dt.timedelta(days=36_500)
_PEM: Final = serialization.Encoding.PEM


class Authority:
    """Signs certificates; everything it makes lies in one directory."""

    def __init__(self, directory: Path, name: str) -> None:
        """Make the authority's own certificate, `<name>.crt`."""
        self.file = directory / f"{name}.crt"
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None), ())
        self.file.write_bytes(made.public_bytes(_PEM))

    def issue(self, *hosts: str) -> "Credential":
        """Make a key and a certificate for hosts; the first names it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        made = self._sign(name, key, x509.BasicConstraints(ca=False, path_length=None), hosts)
        base = self._directory / f"{self.file.stem}-{hosts[0].replace('*', '_')}-{made.serial_number}"
        credential = Credential(Path(f"{base}.pem"), Path(f"{base}.key"), self.file)
        credential.certificate.write_bytes(made.public_bytes(_PEM))
        credential.key.write_bytes(
            key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return credential

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        hosts: tuple[str, ...],
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_START)
            .not_valid_after(_END)
            .add_extension(constraints, critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


class Credential:
    """A certificate, its key, and the authority that signed it, as files."""

    def __init__(self, certificate: Path, key: Path, authority: Path) -> None:
        """Name the files."""
        self.certificate = certificate
        self.key = key
        self.authority = authority

    def secret(
        self,
        name: str,
        *,
        namespace: str = "edge",
        kind: str = "kubernetes.io/tls",
        with_authority: bool = True,
    ) -> str:
        """Write a Kubernetes Secret."""
        values = {"tls.crt": self.certificate, "tls.key": self.key}
        if with_authority:
            values["ca.crt"] = self.authority
        data = ", ".join(f"{key}: {base64.b64encode(file.read_bytes()).decode()}" for key, file in values.items())
        return f"""
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: {namespace}}}
type: {kind}
data: {{{data}}}
"""

    def server(self, *, clients_of: Path | None = None) -> ssl.SSLContext:
        """Make the TLS of a server; with `clients_of` clients have to show a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if clients_of is not None:
            context.load_verify_locations(clients_of)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def trusting(authority: Authority, credential: Credential | None = None) -> ssl.SSLContext:
    """Make the TLS of a client that trusts an authority, and may show a certificate of its own."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if credential is not None:
        context.load_cert_chain(credential.certificate, credential.key)
    return context
