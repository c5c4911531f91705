"""Small worlds of objects that share names, so that random edits make and break references."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from lateen.model.keys import Key, Kind

Raw = Mapping[str, Any]
Edit = tuple[Key, Raw | None]

NAMESPACES = ("shop", "edge")
HOSTS = ("a.example.com", "b.example.com", "*.example.com", "*", "cart", "A.Example.com")
SERVICES = ("cart", "user", "post")
GATEWAYS = ("public", "edge/public", "shop/inner", "mesh")
DELEGATES = ("leaf1", "leaf2")
VERSIONS = {Kind.SERVICE: "v1", Kind.SECRET: "v1", Kind.ENDPOINT_SLICE: "discovery.k8s.io/v1"}


def raw(kind: Kind, namespace: str, name: str, **parts: Any) -> Edit:
    """One object as it would be decoded from YAML."""
    labels = parts.pop("labels", {})
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": labels}
    created = parts.pop("created", None)
    if created:
        metadata["creationTimestamp"] = created
    body = {
        "apiVersion": VERSIONS.get(kind, "networking.istio.io/v1"),
        "kind": kind.value,
        "metadata": metadata,
        **parts,
    }
    return Key(kind, namespace, name), body


@st.composite
def gateways(draw: st.DrawFn) -> Edit:
    """HTTP, redirecting, terminating, pass-through and TCP servers, some of them contradicting each other."""
    servers = []
    for index in range(draw(st.integers(1, 2))):
        number, protocol = draw(
            st.sampled_from([(80, "HTTP"), (8080, "HTTP"), (443, "HTTPS"), (443, "TLS"), (80, "TCP")])
        )
        server: dict[str, Any] = {
            "port": {"number": number, "name": f"p{index}", "protocol": protocol},
            "hosts": draw(
                st.lists(
                    st.sampled_from(["*", "*.example.com", "a.example.com", "shop/*", "./b.example.com"]),
                    min_size=1,
                    max_size=2,
                    unique=True,
                )
            ),
        }
        if protocol == "HTTPS":
            server["tls"] = {"mode": "SIMPLE", "credentialName": draw(st.sampled_from(["cert", "missing"]))}
        elif protocol == "TLS":
            server["tls"] = {"mode": "PASSTHROUGH"}
        elif protocol == "HTTP" and draw(st.booleans()):
            server["tls"] = {"httpsRedirect": True}
        servers.append(server)
    selector = draw(st.sampled_from([{"istio": "ingress"}, {"istio": "ingress"}, {"app": "other"}]))
    name, created = draw(st.sampled_from(["public", "inner"])), draw(st.sampled_from(["", "2026-01-01T00:00:00Z"]))
    return raw(
        Kind.GATEWAY,
        draw(st.sampled_from(NAMESPACES)),
        name,
        created=created,
        spec={"selector": selector, "servers": servers},
    )


@st.composite
def destinations(draw: st.DrawFn) -> dict[str, Any]:
    """A destination that may or may not exist."""
    out: dict[str, Any] = {"host": draw(st.sampled_from(SERVICES))}
    if draw(st.booleans()):
        out["port"] = {"number": draw(st.sampled_from([80, 9090]))}
    if draw(st.booleans()):
        out["subset"] = draw(st.sampled_from(["v1", "v2"]))
    return {"destination": out}


@st.composite
def matches(draw: st.DrawFn) -> dict[str, Any]:
    """Conditions on the path, and some on the place."""
    match: dict[str, Any] = {"uri": {"prefix": draw(st.sampled_from(["/", "/a", "/b"]))}}
    place = draw(st.integers(0, 6))
    if place == 0:
        match["port"] = draw(st.sampled_from([80, 443, 8080]))
    elif place == 1:
        match["gateways"] = [draw(st.sampled_from(GATEWAYS))]
    elif place == 2:
        match["sourceNamespace"] = draw(st.sampled_from(NAMESPACES))
    return match


@st.composite
def delegates(draw: st.DrawFn) -> Edit:
    """VirtualServices without hosts, for others to delegate to."""
    http = [
        {"route": [draw(destinations())], **({"match": [draw(matches())]} if draw(st.booleans()) else {})}
        for _ in range(draw(st.integers(1, 2)))
    ]
    spec: dict[str, Any] = {"http": http}
    if draw(st.integers(0, 3)) == 0:
        spec["exportTo"] = [draw(st.sampled_from([".", "edge"]))]
    return raw(Kind.VIRTUAL_SERVICE, draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(DELEGATES)), spec=spec)


@st.composite
def rules(draw: st.DrawFn) -> Edit:
    """VirtualServices with splits, redirects, TCP and TLS routes, sometimes invalid."""
    http = []
    for _ in range(draw(st.integers(1, 2))):
        rule: dict[str, Any] = {}
        if draw(st.booleans()):
            rule["match"] = [draw(matches())]
        action = draw(st.integers(0, 5))
        if action == 0:
            rule["redirect"] = {"uri": "/elsewhere"}
        elif action == 1:
            rule["delegate"] = {
                "name": draw(st.sampled_from(DELEGATES)),
                "namespace": draw(st.sampled_from(NAMESPACES)),
            }
        else:
            routes = draw(st.lists(destinations(), min_size=1, max_size=2))
            weights = (90, 10)
            rule["route"] = [{**route, "weight": weight} for route, weight in zip(routes, weights, strict=False)]
        if draw(st.integers(0, 9)) == 0:
            rule["timeout"] = "soon"  # not a duration: the object is refused
        http.append(rule)
    spec: dict[str, Any] = {
        "hosts": [draw(st.sampled_from(HOSTS))],
        "gateways": draw(st.lists(st.sampled_from(GATEWAYS), min_size=1, max_size=2, unique=True)),
        "http": http,
    }
    if draw(st.integers(0, 3)) == 0:
        spec["tcp"] = [{"route": [draw(destinations())]}]
    if draw(st.integers(0, 3)) == 0 and spec["hosts"] == ["*.example.com"]:
        spec["tls"] = [{"match": [{"sniHosts": ["a.example.com"]}], "route": [draw(destinations())]}]
    if draw(st.integers(0, 3)) == 0:
        spec["exportTo"] = [draw(st.sampled_from(["*", ".", "edge"]))]
    return raw(
        Kind.VIRTUAL_SERVICE, draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(["r1", "r2", "r3"])), spec=spec
    )


@st.composite
def policies(draw: st.DrawFn) -> Edit:
    """DestinationRules with subsets, hashes and ejection, some for wildcard hosts."""
    policy = draw(
        st.sampled_from(
            [
                {"loadBalancer": {"simple": "ROUND_ROBIN"}},
                {"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}},
                {"outlierDetection": {"consecutive5xxErrors": 3}},
                {"connectionPool": {"tcp": {"maxConnections": 5}}},
            ]
        )
    )
    subsets = [{"name": name, "labels": {"version": name}} for name in draw(st.sets(st.sampled_from(["v1", "v2"])))]
    spec = {
        "host": draw(st.sampled_from([*SERVICES, "*.shop.svc.cluster.local"])),
        "trafficPolicy": policy,
        "subsets": sorted(subsets, key=lambda subset: str(subset["name"])),
    }
    return raw(Kind.DESTINATION_RULE, draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(["d1", "d2"])), spec=spec)


@st.composite
def backends(draw: st.DrawFn) -> Edit:
    """Services, their endpoints, and ServiceEntries of the same names."""
    namespace, name = draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(SERVICES))
    kind = draw(st.sampled_from([Kind.SERVICE, Kind.ENDPOINT_SLICE, Kind.SERVICE_ENTRY]))
    ports = [{"name": "http", "port": 80}]
    if draw(st.booleans()):
        ports.append({"name": "grpc", "port": 9090})
    if kind is Kind.SERVICE:
        return raw(kind, namespace, name, spec={"ports": ports})
    if kind is Kind.ENDPOINT_SLICE:
        return raw(
            kind,
            namespace,
            f"{name}-1",
            labels={"kubernetes.io/service-name": name},
            addressType="IPv4",
            ports=[{"name": "http", "port": 8080}],
            endpoints=[
                {"addresses": [f"10.0.0.{draw(st.integers(1, 3))}"], "conditions": {"ready": draw(st.booleans())}}
            ],
        )
    spec = {
        "hosts": [draw(st.sampled_from([f"{name}.{namespace}.svc.cluster.local", "*.example.com", "a.example.com"]))],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC",
        "endpoints": [{"address": "10.1.0.1", "labels": {"version": "v1"}}],
    }
    return raw(kind, namespace, name, spec=spec)


@st.composite
def credentials(draw: st.DrawFn) -> Edit:
    """The Secret `cert`, complete or not."""
    data = {"tls.crt": "-----BEGIN CERTIFICATE-----", "tls.key": "-----BEGIN PRIVATE KEY-----"}
    if draw(st.booleans()):
        del data["tls.key"]
    return raw(Kind.SECRET, draw(st.sampled_from(NAMESPACES)), "cert", type="kubernetes.io/tls", stringData=data)


@st.composite
def removals(draw: st.DrawFn) -> Edit:
    """The removal of something that may be there."""
    key, _ = draw(st.one_of(gateways(), rules(), delegates(), policies(), backends(), credentials()))
    return key, None


edits = st.one_of(
    gateways(), rules(), rules(), delegates(), policies(), backends(), backends(), credentials(), removals()
)
scripts = st.lists(st.lists(edits, min_size=1, max_size=4), min_size=1, max_size=8)
"""Batches of edits."""
