"""Where this machine keeps the authorities that it trusts."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lateen.envoy.tls import SYSTEM_TRUST_FILE

_KNOWN: Final = (
    SYSTEM_TRUST_FILE,  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def find_authorities(known: Sequence[str] = _KNOWN) -> str:
    """The file of trusted authorities: OpenSSL's own, else one of the known places, else Debian's."""
    own = ssl.get_default_verify_paths().cafile
    candidates = (*((own,) if own else ()), *known)
    return next((path for path in candidates if Path(path).is_file()), SYSTEM_TRUST_FILE)
