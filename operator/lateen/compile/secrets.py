"""Stages 8 and 9: TLS material that listeners and clusters name, read from Secrets (istio-semantics §2.8).

Secrets that nothing names are never looked at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lateen.compile.clusters import ClusterTables, Upstream, cluster_secrets
from lateen.compile.inputs import Inputs
from lateen.compile.listeners import ListenerTables
from lateen.compile.names import ListenerKey, WantedCluster, WantedSecret
from lateen.compile.placement import Placement
from lateen.engine import Derived, Engine, Index, Reads
from lateen.envoy.tls import build_secret
from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.listener import Listener, SecretRef
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource
from lateen.ir.secret import Certificate, Trust
from lateen.model.keys import Key, Kind
from lateen.semantics.credentials import beside_certificate, names_config_map, secret_location
from lateen.semantics.secrets import (
    CheckPair,
    MissingSecretError,
    UnsupportedSecretError,
    UnusableSecretError,
    read_certificate,
    read_trust,
)
from lateen.semantics.server_tls import lower_server_tls
from lateen.semantics.servers import PlacedServer


def listener_secrets(key: ListenerKey, listener: Listener) -> Iterator[WantedSecret]:
    """What the chains of a listener name."""
    for chain in listener.chains:
        if chain.tls is not None:
            for ref in (*chain.tls.certificates, chain.tls.trust):
                yield from _named(key, ref)


def gateway_secrets(_: Key, servers: tuple[PlacedServer, ...]) -> Iterator[WantedSecret]:
    """What the servers of a Gateway name."""
    for server in servers:
        tls = server.server.tls
        if tls is not None and server.terminates_tls:
            lowered = lower_server_tls(tls)
            for ref in (*lowered.certificates, lowered.trust):
                if ref is not None and ref.name:
                    yield WantedSecret(server.proxy, ref.name)


def _named(key: ListenerKey, ref: SecretRef | None) -> Iterator[WantedSecret]:
    if ref is not None and ref.name:
        yield WantedSecret(key.proxy, ref.name)


@dataclass(frozen=True, slots=True)
class SecretTables:
    """Encoded secrets, and the clusters that name them."""

    encoded: Derived[WantedSecret, Resource]
    of_listeners: Index[ListenerKey, Listener, WantedSecret]
    of_clusters: Index[WantedCluster, Upstream, WantedSecret]

    def places(self, namespace_of: Callable[[ProxyId], str | None]) -> frozenset[Key]:
        """Every Secret that a listener or a cluster reads, or would read if it existed.

        Args:
            namespace_of: where a proxy runs; it gets Secrets of no other namespace. None: it is gone.
        """
        found: set[Key] = set()
        for wanted in {*self.of_listeners.buckets, *self.of_clusters.buckets}:
            namespace = namespace_of(wanted.proxy)
            if namespace is None or names_config_map(wanted.name):
                continue
            location, is_trust = secret_location(wanted.name, namespace)
            if location.namespace == namespace:
                found.add(location)
                if is_trust:
                    found.add(beside_certificate(location))
        return frozenset(found)


def add_secrets(
    engine: Engine,
    inputs: Inputs,
    placement: Placement,
    listeners: ListenerTables,
    clusters: ClusterTables,
    check: CheckPair,
) -> SecretTables:
    """Add the table of encoded secrets; `check` finds fault with key pairs."""
    of_listeners = engine.index("secrets_of_listeners", listeners.listeners, listener_secrets)
    of_clusters = engine.index("secrets_of_clusters", clusters.upstreams, cluster_secrets)
    of_gateways = engine.index("secrets_of_gateways", placement.gateway_servers, gateway_secrets)

    def build(reads: Reads, key: WantedSecret) -> Resource | None:
        proxy = reads.get(placement.proxies, key.proxy)
        if proxy is None:
            return None
        material, location = read_material(reads, inputs, key.name, proxy.namespace, check)
        upstreams = (reads.get(clusters.upstreams, cluster) for cluster in reads.bucket(of_clusters, key))
        rules = (
            origin
            for upstream in upstreams
            if upstream is not None
            for origin in upstream.cluster.origins
            if origin.kind is Kind.DESTINATION_RULE
        )
        # Those who name a Secret carry status, and it has none: what a proxy says of it is theirs to hear.
        return build_secret(material, dict.fromkeys((location, *reads.bucket(of_gateways, key), *rules)))

    encoded = engine.derive("secret_resources", 8, build, group=(of_listeners, of_clusters))
    return SecretTables(encoded, of_listeners, of_clusters)


def read_material(
    reads: Reads, inputs: Inputs, name: str, namespace: str, check: CheckPair
) -> tuple[Certificate | Trust, Key]:
    """What an SDS name means for a proxy of `namespace`, and the Secret that holds it.

    Raises:
        MissingSecretError: there is no such Secret in the proxy's namespace; it gets none of others.
        UnsupportedSecretError: the name is that of a ConfigMap.
        UnusableSecretError: the Secret does not hold what is asked for.
    """
    if names_config_map(name):
        raise UnsupportedSecretError(f"{name} names a ConfigMap, and authorities are read from Secrets only")
    location, is_trust = secret_location(name, namespace)
    if location.namespace != namespace:
        raise MissingSecretError(
            f"Secret {_text(location)} is not in the proxy's namespace {namespace}, so the proxy does not get it"
        )
    secret = reads.get(inputs.secrets, location)
    if secret is None and is_trust:
        location = beside_certificate(location)
        secret = reads.get(inputs.secrets, location)
    if secret is None:
        raise MissingSecretError(f"there is no Secret {_text(location)} in the proxy's namespace")
    if PROXY_LABEL in secret.meta.labels:
        raise MissingSecretError(
            f"Secret {_text(location)} is a proxy's own, for the control plane, and is shown to nobody else"
        )
    try:
        values = secret.spec.values
        return read_trust(name, values) if is_trust else read_certificate(name, values, check), location
    except UnusableSecretError as error:
        raise UnusableSecretError(f"Secret {_text(location)} cannot be used: {error}") from error


def _text(location: Key) -> str:
    return f"{location.namespace}/{location.name}"
