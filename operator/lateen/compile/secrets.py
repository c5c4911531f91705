"""Stages 8 and 9: TLS material that listeners and clusters name, read from Secrets (istio-semantics §2.8).

Secrets that nothing names are never looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lateen.compile.clusters import ClusterTables, Upstream, cluster_secrets
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables
from lateen.compile.names import ListenerKey, WantedCluster, WantedSecret
from lateen.compile.placement import Placement
from lateen.engine import Derived, Engine, Index, Reads
from lateen.envoy.tls import build_secret
from lateen.ir.listener import Listener, SecretRef
from lateen.ir.resource import Resource
from lateen.model.keys import Key, Kind
from lateen.model.objects import Object
from lateen.model.secret import SecretSpec
from lateen.semantics.secrets import MissingSecretError, read_certificate, read_trust
from lateen.semantics.server_tls import TRUST_SUFFIX, certificate_name, names_config_map


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


@dataclass(frozen=True, slots=True)
class SecretTables:
    """Encoded secrets, and the clusters that name them."""

    encoded: Derived[WantedSecret, Resource]
    of_clusters: Index[WantedCluster, Upstream, WantedSecret]


def add_secrets(
    engine: Engine, inputs: Inputs, placement: Placement, listeners: ListenerTables, clusters: ClusterTables
) -> SecretTables:
    """Add the table of encoded secrets."""
    of_listeners = engine.index("secrets_of_listeners", listeners.listeners, listener_secrets)
    of_clusters = engine.index("secrets_of_clusters", clusters.upstreams, cluster_secrets)

    def build(reads: Reads, key: WantedSecret) -> Resource | None:
        proxy = reads.get(placement.proxies, key.proxy)
        if proxy is None:
            return None
        if names_config_map(key.name):
            raise MissingSecretError(f"{key.name} names a ConfigMap, and authorities are read from Secrets only")
        location, is_trust = secret_location(key.name, proxy.namespace)
        own = location.namespace == proxy.namespace
        secret = reads.get(inputs.secrets, location) if own else None
        if secret is None and own and is_trust:
            location = location._replace(name=location.name.removesuffix(TRUST_SUFFIX))
            secret = reads.get(inputs.secrets, location)
        if secret is None:
            place = f"{location.namespace}/{location.name}"
            raise MissingSecretError(f"there is no Secret {place} in the proxy's namespace {proxy.namespace}")
        read = read_trust if is_trust else read_certificate
        return build_secret(read(key.name, material(secret)), (location,))

    return SecretTables(engine.derive("secret_resources", 8, build, group=(of_listeners, of_clusters)), of_clusters)


def material(secret: Object[SecretSpec]) -> dict[str, bytes]:
    """All values of a Secret, `stringData` over `data`."""
    return {**secret.spec.data, **{name: text.encode() for name, text in secret.spec.string_data.items()}}
