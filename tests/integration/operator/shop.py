"""What one test has: a namespace, a Gateway, an Envoy as its pod, Services with backends."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.apiserver.client import ApiClient, Manifest
from tests.apiserver.control_plane import wait_until
from tests.operator.pod import Pod
from tests.operator.traffic import Backend
from tests.operator.world import endpoint_slice, gateway, namespace, service

SYSTEM: Final = "lateen-system"
"""Where operators think they are."""

REPLICAS: Final = ("operator-0", "operator-1")
"""Who operators are at the API server, so that its audit log tells them from the tests and from each other."""

_PATIENCE: Final = 60.0
"""Seconds: an operator that starts again gives proxies ten to come back, and Envoy tries every five."""
_KINDS: Final = ("virtualservices", "destinationrules", "gateways", "serviceentries")


class Shop:
    """One namespace."""

    def __init__(self, api: ApiClient, name: str, port: int, folder: Path) -> None:
        """Prepare; `open` makes it.

        Args:
            api: administrator.
            name: of the namespace.
            port: of its Gateway, and so of this machine.
            folder: for the files of its pods.
        """
        self.api = api
        self.name = name
        self.port = port
        self.folder = folder
        self.pods: list[Pod] = []
        self._stack = ExitStack()
        self._slices: dict[str, int] = {}

    def open(self, xds_port: int) -> None:
        """Make the namespace with its Gateway, and start one Envoy."""
        self.api.apply(namespace(self.name))
        self.apply(gateway(self.port))
        self.pod(xds_port)

    def pod(self, xds_port: int, name: str = "pod-0") -> Pod:
        """Start one more Envoy; it ends with the shop."""
        pod = self._stack.enter_context(Pod(self.api, self.name, self.folder, xds_port, name=name))
        self.pods.append(pod)
        return pod

    def apply(self, *manifests: Manifest) -> None:
        """Create or change objects."""
        for manifest in manifests:
            self.api.apply(manifest, namespace=self.name)

    def delete(self, *manifests: Manifest) -> None:
        """Delete objects."""
        for manifest in manifests:
            self.api.delete(manifest, namespace=self.name)

    def backend(self, service_name: str, name: str = "") -> Backend:
        """Start a backend, and make it an endpoint of a Service, in a slice of its own."""
        backend = self._stack.enter_context(Backend(name or service_name))
        number = self._slices[service_name] = self._slices.get(service_name, 0) + 1
        self.apply(service(service_name), endpoint_slice(service_name, number, [backend.host], backend.port))
        return backend

    def status(self, manifest: Manifest) -> dict[str, Any]:
        """The status of an object, with its conditions by type."""
        status: dict[str, Any] = self.api.get(manifest, namespace=self.name).get("status") or {}
        return {**status, "conditions": {each["type"]: each for each in status.get("conditions") or ()}}

    def until_condition(self, manifest: Manifest, condition: str, status: str, *, reason: str = "") -> dict[str, Any]:
        """Wait until a condition of an object's present generation has a status, and a reason if given; return it."""
        found: dict[str, Any] = {}

        def holds() -> bool:
            now = self.api.get(manifest, namespace=self.name)
            found.update(now)
            return any(
                (each["type"], each["status"], each["observedGeneration"])
                == (condition, status, now["metadata"]["generation"])
                and reason in {"", each["reason"]}
                for each in now.get("status", {}).get("conditions") or ()
            )

        try:
            wait_until(holds, _PATIENCE)
        except TimeoutError:
            raise AssertionError(f"{condition} is not {status}: {found}") from None
        return next(each for each in found["status"]["conditions"] if each["type"] == condition)

    def close(self) -> None:
        """End what runs, and delete what an operator would still serve: nothing here empties namespaces."""
        self._stack.close()
        for plural in _KINDS:
            self.api.http.delete(f"/apis/networking.istio.io/v1/namespaces/{self.name}/{plural}").raise_for_status()
        self.api.http.delete(f"/apis/discovery.k8s.io/v1/namespaces/{self.name}/endpointslices").raise_for_status()
