"""Whom the API server trusts when it asks the webhook."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from lateen.kube.resources import ApiResource
from lateen.webhook.registration import CONFIGURATIONS, ensure_trust

BUNDLE = b64encode(b"authorities").decode()


class Cluster:
    """Has one configuration, or none."""

    def __init__(self, *bundles: str) -> None:
        """Make a webhook for each bundle; none: there is no configuration."""
        self._bundles = bundles
        self.applied: list[Mapping[str, Any]] = []

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        assert (resource, namespace, name) == (CONFIGURATIONS, "", "lateen")
        webhooks = [
            {"name": f"{number}.lateen.io", "clientConfig": {"url": "u", **({"caBundle": each} if each else {})}}
            for number, each in enumerate(self._bundles)
        ]
        return {"webhooks": webhooks} if webhooks else None

    async def apply(self, resource: ApiResource, manifest: Mapping[str, Any]) -> dict[str, Any]:
        assert resource == CONFIGURATIONS
        self.applied.append(manifest)
        return {}


async def test_authorities_are_written_where_there_are_others() -> None:
    cluster = Cluster("", BUNDLE)
    assert await ensure_trust(cluster, "lateen", b"authorities")
    (manifest,) = cluster.applied
    assert manifest["webhooks"] == [
        {"name": "0.lateen.io", "clientConfig": {"caBundle": BUNDLE}},
        {"name": "1.lateen.io", "clientConfig": {"caBundle": BUNDLE}},
    ]


async def test_nothing_is_written_where_all_is_well() -> None:
    cluster = Cluster(BUNDLE)
    assert await ensure_trust(cluster, "lateen", b"authorities")
    assert cluster.applied == []


async def test_a_configuration_that_does_not_exist_is_not_made() -> None:
    cluster = Cluster()
    assert not await ensure_trust(cluster, "lateen", b"authorities")
    assert cluster.applied == []
