"""What an API server is started with: its certificate, a key for service accounts, and users with tokens."""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK: Final = "127.0.0.1"

_PEM: Final = serialization.Encoding.PEM


class Credentials:
    """Files in one directory, made anew for each API server."""

    def __init__(self, folder: Path, users: Mapping[str, Sequence[str]]) -> None:
        """Write all files.

        Args:
            folder: where they are written.
            users: the groups of each user.
        """
        self.certificate = folder / "server.crt"
        self.key = folder / "server.key"
        self.accounts_key = folder / "accounts.key"
        self.users_file = folder / "users.csv"
        self.tokens = {user: secrets.token_hex(16) for user in users}
        _write_certificate(self.certificate, self.key)
        self.accounts_key.write_bytes(_pem_of(ec.generate_private_key(ec.SECP256R1())))
        lines = [f'{self.tokens[user]},{user},{user},"{",".join(groups)}"\n' for user, groups in users.items()]
        self.users_file.write_text("".join(lines))


def _write_certificate(certificate: Path, key: Path) -> None:
    """A certificate for the loopback address that vouches for itself, valid from yesterday for ten days."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)  # noqa: TID251 - the API server looks at the real clock
    addresses = [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("localhost")]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + dt.timedelta(days=10))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(_PEM))
    key.write_bytes(_pem_of(private))


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
