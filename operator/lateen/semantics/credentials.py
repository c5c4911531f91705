"""What credentials are called: as users write them, on the wire, as Secrets (istio-semantics §2.8).

A proxy asks for material by its SDS name: `kubernetes://[namespace/]name`, and for authorities by
the same name with `-cacert` after it, be they in a Secret of that name or beside the certificate.
"""

from typing import Final

from lateen.ir.listener import SecretKind, SecretRef
from lateen.model.keys import Key, Kind

_KUBERNETES: Final = "kubernetes://"
_CONFIG_MAP: Final = "configmap://"
_TRUST_SUFFIX: Final = "-cacert"


def certificate_ref(credential: str) -> SecretRef:
    """The key pair that a credential holds."""
    return SecretRef(_sds_name(credential), SecretKind.CERTIFICATE)


def trust_ref(credential: str) -> SecretRef:
    """The authorities that belong to a credential; its name may end in `-cacert` already."""
    return SecretRef(_sds_name(credential).removesuffix(_TRUST_SUFFIX) + _TRUST_SUFFIX, SecretKind.TRUST)


def names_config_map(sds: str) -> bool:
    """Whether the name is that of a ConfigMap, of which Lateen reads none."""
    return sds.startswith(_CONFIG_MAP)


def secret_location(sds: str, namespace: str) -> tuple[Key, bool]:
    """The Secret that an SDS name means for a proxy of `namespace`, and whether it is asked for authorities."""
    written, slash, short = sds.partition("://")[2].rpartition("/")
    return Key(Kind.SECRET, written if slash else namespace, short), short.endswith(_TRUST_SUFFIX)


def beside_certificate(location: Key) -> Key:
    """The Secret of a certificate, which may hold the authorities as well that `location` is named for."""
    return location._replace(name=location.name.removesuffix(_TRUST_SUFFIX))


def _sds_name(credential: str) -> str:
    """`name` → `kubernetes://name`; a name with a scheme stays."""
    return credential if "://" in credential else f"{_KUBERNETES}{credential}"
