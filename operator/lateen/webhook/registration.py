"""Tells the API server whom to trust when it asks the webhook: `caBundle` in the ValidatingWebhookConfiguration."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final, Protocol

from lateen.kube.resources import ApiResource

CONFIGURATIONS: Final = ApiResource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)


class Configurations(Protocol):
    """Where it is written: a `KubeClient`."""

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object; None: there is none."""
        ...

    async def apply(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Make an object say what the manifest says."""
        ...


async def ensure_trust(client: Configurations, name: str, trusted: bytes) -> bool:
    """Write the authorities into each webhook of a configuration, if one has others; whether it exists.

    Nothing else of it is touched.

    Args:
        client: the API server.
        name: of the configuration.
        trusted: authorities, PEM.

    Raises:
        ApiError: it cannot be read or written.
    """
    found = await client.get(CONFIGURATIONS, "", name)
    if found is None:
        return False
    bundle = b64encode(trusted).decode()
    webhooks = found.get("webhooks") or []
    if any((each.get("clientConfig") or {}).get("caBundle") != bundle for each in webhooks):
        trusting = [{"name": each["name"], "clientConfig": {"caBundle": bundle}} for each in webhooks]
        manifest = {
            "apiVersion": CONFIGURATIONS.api_version,
            "kind": CONFIGURATIONS.kind,
            "metadata": {"name": name},
            "webhooks": trusting,
        }
        await client.apply(CONFIGURATIONS, manifest)
    return True
