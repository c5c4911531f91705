"""Kinds as an API server addresses them: group, version, plural."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lateen.model.keys import Kind


@dataclass(frozen=True, slots=True)
class ApiResource:
    """One kind of one API version."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`networking.istio.io/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def collection(self, namespace: str = "") -> str:
        """Path of all objects; those of one namespace if one is given."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{base}{within}/{self.plural}"

    def path(self, namespace: str, name: str) -> str:
        """Path of one object; `namespace` is not looked at for kinds without namespaces."""
        return f"{self.collection(namespace)}/{name}"


def _networking(plural: str, kind: Kind) -> ApiResource:
    return ApiResource("networking.istio.io", "v1", plural, kind.value)


RESOURCES: Final[Mapping[Kind, ApiResource]] = {
    Kind.GATEWAY: _networking("gateways", Kind.GATEWAY),
    Kind.VIRTUAL_SERVICE: _networking("virtualservices", Kind.VIRTUAL_SERVICE),
    Kind.DESTINATION_RULE: _networking("destinationrules", Kind.DESTINATION_RULE),
    Kind.SERVICE_ENTRY: _networking("serviceentries", Kind.SERVICE_ENTRY),
    Kind.WORKLOAD_ENTRY: _networking("workloadentries", Kind.WORKLOAD_ENTRY),
    Kind.SIDECAR: _networking("sidecars", Kind.SIDECAR),
    Kind.SERVICE: ApiResource("", "v1", "services", "Service"),
    Kind.ENDPOINT_SLICE: ApiResource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind.POD: ApiResource("", "v1", "pods", "Pod"),
    Kind.SECRET: ApiResource("", "v1", "secrets", "Secret"),
}
"""Where each kind that Lateen reads is found."""

SERVICE_ACCOUNTS: Final = ApiResource("", "v1", "serviceaccounts", "ServiceAccount")
CONFIG_MAPS: Final = ApiResource("", "v1", "configmaps", "ConfigMap")
SERVICES: Final = RESOURCES[Kind.SERVICE]
SECRETS: Final = RESOURCES[Kind.SECRET]
PODS: Final = RESOURCES[Kind.POD]
DEPLOYMENTS: Final = ApiResource("apps", "v1", "deployments", "Deployment")
AUTOSCALERS: Final = ApiResource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
DISRUPTION_BUDGETS: Final = ApiResource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
NETWORK_POLICIES: Final = ApiResource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
"""What proxies are made of."""

NETWORKING: Final = tuple(kind for kind, resource in RESOURCES.items() if resource.group == "networking.istio.io")
"""The kinds that users write for Lateen, and that carry its status."""
