"""Services of Kubernetes for backends of this machine."""

from collections.abc import Mapping

from tests.integration.traffic.backend import Backend


def kubernetes_service(
    name: str,
    backends: Mapping[Backend, Mapping[str, str]],
    *,
    port: int = 8080,
    namespace: str = "default",
    not_ready: frozenset[Backend] = frozenset(),
) -> str:
    """Write a Service, a Pod for each backend with its labels, and an EndpointSlice for each, as each has a port."""
    documents = [
        f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: {port}}}]
"""
    ]
    for number, (backend, labels) in enumerate(backends.items()):
        extra = "".join(f", {label}: {value}" for label, value in labels.items())
        documents.append(
            f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}-{number}, namespace: {namespace}, labels: {{app: {name}{extra}}}}}
status: {{phase: Running, podIP: {backend.host}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-{number}, namespace: {namespace}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: http, port: {backend.port}}}]
endpoints:
  - addresses: [{backend.host}]
    conditions: {{ready: {str(backend not in not_ready).lower()}}}
    targetRef: {{kind: Pod, name: {name}-{number}}}
"""
        )
    return "---".join(documents)
