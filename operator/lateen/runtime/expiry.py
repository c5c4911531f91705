"""When certificates end, for whoever is to be woken before that."""

from collections.abc import Iterator
from contextlib import suppress

from lateen.certificates.certificate import Certificate, CertificateError
from lateen.compile.compiler import Compiler
from lateen.model.keys import Key
from lateen.semantics.secrets import SecretError, read_certificate


def expiries(compiler: Compiler) -> Iterator[tuple[Key, float]]:
    """Give each Secret with a certificate that some proxy needs, and when that ends, in seconds since 1970.

    What cannot be used is left out: the status of who names it says so. Secrets of authorities alone are, too.
    """
    secrets = compiler.graph.inputs.secrets.values
    for key in sorted(compiler.secrets()):
        found = secrets.get(key)
        if found is not None:
            with suppress(SecretError, CertificateError):
                pair = read_certificate(key.name, found.spec.values)
                yield key, Certificate.read(pair.chain).not_after
