"""One API server as Helm and its user, as the operator, and as whoever looks at it."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import wait_until
from tests.chart.helm import NAMESPACE, RELEASE, run_helm

OPERATOR: Final = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
"""Whom the operator's pods are, with the chart's defaults."""

SMALL: Final = ("gateways.networking.istio.io", "workloadentries.networking.istio.io")
"""The definitions that tests work with: an API server takes seconds for all of them."""

DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_OURS: Final = "app.kubernetes.io/part-of=lateen"
_COLLECTIONS: Final = (
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/services",
    "/apis/apps/v1/deployments",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    DEFINITIONS,
)
"""Where the chart's objects are."""


class Cluster:
    """What tests of the chart do with a cluster."""

    def __init__(self, api: ApiClient, operator: ApiClient, kubeconfig: Path, chart: Path) -> None:
        """Speak as administrator and as operator; Helm is an administrator as well, and installs `chart`."""
        self.api = api
        self.operator = operator
        self._chart = chart
        self._environment = {"KUBECONFIG": str(kubeconfig)}

    def install(self, *arguments: str, chart: Path | None = None, namespace: str = NAMESPACE, **values: Any) -> str:
        """Install or upgrade the release, and return what Helm says.

        Raises:
            HelmError: it cannot be installed.
        """
        command = (
            "upgrade",
            "--install",
            RELEASE,
            str(chart or self._chart),
            "--create-namespace",
            "--namespace",
            namespace,
        )
        return run_helm(*command, "--reset-values", *arguments, values=values, environment=self._environment)

    def uninstall(self, namespace: str = NAMESPACE) -> None:
        """Remove the release, without the Job that comes before: nothing here runs pods."""
        command = ("uninstall", RELEASE, "--namespace", namespace, "--no-hooks")
        run_helm(*command, environment=self._environment)

    def create_namespace(self, name: str) -> None:
        """Create a namespace, unless it is there."""
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def remaining(self, manifests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those that are still there."""
        return [each for each in manifests if self.api.http.get(self.api.url_of(each)).is_success]

    def operator_replicas(self) -> int:
        """How many pods the operator is to have."""
        found = self.api.http.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}").json()
        return int(found["spec"]["replicas"])

    def stored_release(self) -> bytes:
        """What Helm keeps of the newest revision of the release."""
        stored = [each for _, each in self._found("owner=helm", "/api/v1/secrets")]
        newest = max(stored, key=lambda each: int(each["metadata"]["labels"]["version"]))
        return base64.b64decode(newest["data"]["release"])

    def installed(self) -> set[str]:
        """Where everything is that the chart has put here."""
        return {url for url, _ in self._found(_OURS)}

    def definitions(self) -> dict[str, dict[str, Any]]:
        """The definitions of Istio's kinds by name."""
        found = self.api.http.get(DEFINITIONS).json()["items"]
        return {each["metadata"]["name"]: each for each in found}

    def may(self, verb: str, resource: str, *, namespace: str = "", name: str = "", group: str = "") -> bool:
        """Whether the operator may do something."""
        resource, _, subresource = resource.partition("/")
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "metadata": {},
            "spec": {
                "resourceAttributes": {
                    "verb": verb,
                    "group": group,
                    "resource": resource,
                    "subresource": subresource,
                    "namespace": namespace,
                    "name": name,
                }
            },
        }
        url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self.operator.http.post(url, json=review).raise_for_status()
        return bool(answer.json()["status"]["allowed"])

    def clear(self) -> None:
        """Remove whatever a test has left: releases, what the chart makes, every definition."""
        for url, _ in [*self._found("owner=helm"), *self._found(_OURS), *self._found("", DEFINITIONS)]:
            self.api.http.delete(url)
        wait_until(lambda: not self.definitions())

    def _found(self, labels: str, *collections: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """URL and content of each object."""
        for collection in collections or _COLLECTIONS:
            base, _, plural = collection.rpartition("/")
            for each in self.api.http.get(collection, params={"labelSelector": labels}).json()["items"]:
                metadata = each["metadata"]
                within = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
                yield f"{base}{within}/{plural}/{metadata['name']}", each
