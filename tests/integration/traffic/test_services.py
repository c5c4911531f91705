"""Where endpoints come from: ServiceEntries, WorkloadEntries, DNS, Services with their slices."""

from typing import Final

import pytest
from tests.integration.traffic.backend import Backend
from tests.integration.traffic.edge import Edge
from tests.integration.traffic.kubernetes import kubernetes_service
from tests.integration.traffic.site import Site

from lateen.model.keys import Key, Kind

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]

TO: Final = "[{{route: [{{destination: {{host: {}}}}}]}}]"


async def test_endpoints_come_and_go(site: Site) -> None:
    await site.start("a", "b")
    await site.live(policy="loadBalancer: {simple: ROUND_ROBIN}")
    assert set(await site.many(10)) == {"a", "b"}
    await site.backend("c")
    await site.live(policy="loadBalancer: {simple: ROUND_ROBIN}")
    await site.until_served_by("a", "b", "c")
    await site.leave(site.backends[0])
    await site.until_served_by("b", "c")


async def test_a_service_without_endpoints_is_unavailable(site: Site) -> None:
    await site.live()
    answer = await site.get()
    assert (answer.status, answer.body) == (503, b"no healthy upstream")


@pytest.mark.parametrize("resolution", ["DNS", "DNS_ROUND_ROBIN"])
async def test_a_name_is_resolved(site: Site, resolution: str) -> None:
    backend = Backend("named")
    await backend.listen()
    await site.live(
        http=TO.format(f"{site.name}.dns.test"),
        more=f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {site.name}-dns, namespace: edge}}
spec:
  hosts: [{site.name}.dns.test]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: {resolution}
  endpoints: [{{address: localhost, ports: {{http: {backend.port}}}}}]
""",
    )
    assert str(await site.get()) == "named"
    await backend.stop()


async def test_a_host_without_endpoints_is_resolved_itself(site: Site) -> None:
    backend = Backend("named")
    await backend.listen()
    await site.live(
        http=TO.format(f"{site.name}.localhost"),
        more=f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {site.name}-host, namespace: edge}}
spec:
  hosts: [{site.name}.localhost]
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {backend.port}}}]
  resolution: DNS
""",
    )
    assert str(await site.get()) == "named"
    await backend.stop()


async def test_workloads_are_found_by_their_labels(edge: Edge, site: Site) -> None:
    backends = [Backend("one"), Backend("two"), Backend("other")]
    for number, backend in enumerate(backends, 1):
        await backend.listen(f"127.0.4.{number}")
    workloads = [
        f"""
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: {site.name}-{backend.name}, namespace: edge}}
spec:
  address: {backend.host}
  ports: {{http: {backend.port}}}
  labels: {{app: {site.name if backend.name != "other" else "other"}, version: {backend.name}}}
"""
        for backend in backends
    ]
    host = f"{site.name}.workloads.test"
    await site.live(
        http=f"""
        - match: [{{headers: {{version: {{exact: two}}}}}}]
          route: [{{destination: {{host: {host}, subset: two}}}}]
        - route: [{{destination: {{host: {host}}}}}]
        """,
        more="---".join(
            [
                f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {site.name}-selecting, namespace: edge}}
spec:
  hosts: [{host}]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  workloadSelector: {{labels: {{app: {site.name}}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {site.name}-selecting, namespace: edge}}
spec:
  host: {host}
  trafficPolicy: {{loadBalancer: {{simple: ROUND_ROBIN}}}}
  subsets: [{{name: two, labels: {{version: two}}}}]
""",
                *workloads,
            ]
        ),
    )
    assert await site.many(20, at_once=1) == {"one": 10, "two": 10}
    assert await site.many(5, version="two") == {"two": 5}
    await edge.remove(Key(Kind.WORKLOAD_ENTRY, "edge", f"{site.name}-one"))
    site.backends += backends[:2]
    await site.until_served_by("two")
    for backend in backends:
        await backend.stop()


async def test_slices_say_who_is_ready(edge: Edge, site: Site) -> None:
    one, two = Backend("one"), Backend("two")
    await one.listen("127.0.4.1")
    await two.listen("127.0.4.2")
    backends: dict[Backend, dict[str, str]] = {one: {}, two: {}}
    name = f"{site.name}-kubernetes"
    site.backends += backends
    await site.live(
        http=f"[{{route: [{{destination: {{host: {name}.default.svc.cluster.local}}}}]}}]",
        more=kubernetes_service(name, backends),
    )
    await site.until_served_by("one", "two")
    await edge.apply(kubernetes_service(name, backends, not_ready=frozenset({one})))
    await site.until_served_by("two")
    assert await site.many(20) == {"two": 20}
    await edge.apply(kubernetes_service(name, backends))
    await site.until_served_by("one", "two")
    await edge.remove(Key(Kind.ENDPOINT_SLICE, "default", f"{name}-1"))
    await site.until_served_by("one")


async def test_a_service_can_stand_for_another_name(site: Site) -> None:
    await site.start("real")
    await site.live(
        http=f"[{{route: [{{destination: {{host: {site.name}-alias.default.svc.cluster.local}}}}]}}]",
        more=f"""
apiVersion: v1
kind: Service
metadata: {{name: {site.name}-alias, namespace: default}}
spec:
  type: ExternalName
  externalName: {site.service}
  ports: [{{name: http, port: 80}}]
""",
    )
    assert str(await site.get()) == "real"


async def test_near_endpoints_are_asked_first_while_they_are_well(site: Site) -> None:
    near = await site.backend("near", {"tier": "near"})
    await site.backend("far", {"tier": "far"})
    await site.live(
        policy="""
        loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {failoverPriority: [tier=near]}}
        outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 100s, maxEjectionPercent: 100}
        """
    )
    assert await site.many(20) == {"near": 20}
    near.orders.status = 500
    await site.get()
    await site.until_served_by("far")
