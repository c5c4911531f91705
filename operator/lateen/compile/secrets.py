"""Stages 8 and 9: TLS material that listeners and clusters name, read from Secrets (istio-semantics §2.8).

Secrets that nothing names are never looked at.
"""

from collections.abc import Iterator

from lateen.compile.clusters import ClusterTables, cluster_secrets
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables
from lateen.compile.names import ListenerKey, WantedSecret
from lateen.compile.placement import Placement
from lateen.engine import Derived, Engine, Reads
from lateen.envoy.tls import build_secret
from lateen.ir.listener import Listener, SecretRef
from lateen.ir.resource import Resource
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.secret import SecretSpec
from lateen.semantics.secrets import UnusableSecretError, read_certificate, read_trust
from lateen.semantics.server_tls import TRUST_SUFFIX, certificate_name


def listener_secrets(key: ListenerKey, listener: Listener) -> Iterator[WantedSecret]:
    """What the chains of a listener name."""
    for chain in listener.chains:
        if chain.tls is not None:
            for ref in (*chain.tls.certificates, chain.tls.trust):
                yield from _named(key, ref)


def _named(key: ListenerKey, ref: SecretRef | None) -> Iterator[WantedSecret]:
    if ref is not None and ref.name:
        yield WantedSecret(key.proxy, ref.name)


def secret_location(name: str, namespace: str) -> tuple[Key, bool]:
    """The Secret that an SDS name means for a proxy of `namespace`, and whether it is asked for authorities."""
    path = certificate_name(name)
    written, slash, short = path.rpartition("/")
    return Key(Kind.SECRET, written if slash else namespace, short), short.endswith(TRUST_SUFFIX)


def add_secrets(
    engine: Engine, inputs: Inputs, placement: Placement, listeners: ListenerTables, clusters: ClusterTables
) -> Derived[WantedSecret, Resource]:
    """Add the table of encoded secrets."""
    wanted = (
        engine.index("secrets_of_listeners", listeners.listeners, listener_secrets),
        engine.index("secrets_of_clusters", clusters.upstreams, cluster_secrets),
    )

    def build(reads: Reads, key: WantedSecret) -> Resource | None:
        proxy = reads.get(placement.proxies, key.proxy)
        if proxy is None:
            return None
        location, is_trust = secret_location(key.name, proxy.namespace)
        if location.namespace != proxy.namespace:
            return None
        secret = reads.get(inputs.secrets, location)
        if is_trust:
            if secret is None:
                location = location._replace(name=location.name.removesuffix(TRUST_SUFFIX))
                secret = reads.get(inputs.secrets, location)
            return build_secret(read_trust(key.name, material(secret)), (location,)) if secret else None
        return build_secret(read_certificate(key.name, material(secret)), (location,)) if secret else None

    return engine.derive("secret_resources", 8, build, group=wanted)


def material(secret: Object[SecretSpec]) -> dict[str, bytes]:
    """All values of a Secret, `stringData` over `data`."""
    return {**secret.spec.data, **{name: text.encode() for name, text in secret.spec.string_data.items()}}


__all__ = ["UnusableSecretError", "add_secrets", "listener_secrets", "material", "secret_location"]
