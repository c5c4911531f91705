"""Everything that a cluster has, read once."""

from typing import Any

import pytest

from lateen.errors import InputError
from lateen.kube.client import ApiError
from lateen.kube.listing import get_secrets, list_everything
from lateen.kube.resources import ApiResource
from lateen.model.keys import Key, Kind

CART = Key(Kind.SERVICE, "shop", "cart")


def manifest(key: Key) -> dict[str, Any]:
    return {"metadata": {"namespace": key.namespace, "name": key.name}}


class Cluster:
    """Knows some groups, and has one Service and one Secret."""

    def __init__(self, *groups: str, forbidden: str = "") -> None:
        """Know these groups of kinds; forbid what has this plural or name."""
        self._groups = groups
        self._forbidden = forbidden
        self.asked: list[str] = []

    async def list(self, resource: ApiResource) -> tuple[list[dict[str, Any]], str]:
        self.asked.append(resource.plural)
        if resource.plural == self._forbidden:
            raise ApiError(403, "Forbidden", "no")
        if resource.group not in self._groups:
            raise ApiError(404, "NotFound", "page not found")
        return ([manifest(CART)] if resource.plural == "services" else []), "1"

    async def get(self, _: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        if name == self._forbidden:
            raise ApiError(403, "Forbidden", "no")
        return manifest(Key(Kind.SECRET, namespace, name)) if name == "tls" else None


async def test_secrets_are_never_listed() -> None:
    cluster: Any = Cluster("", "discovery.k8s.io", "networking.istio.io")
    assert await list_everything(cluster) == {CART: manifest(CART)}
    assert "secrets" not in cluster.asked
    assert len(cluster.asked) == len(Kind) - 1


async def test_a_kind_that_the_cluster_does_not_know_has_no_objects() -> None:
    cluster: Any = Cluster("", "networking.istio.io")
    assert await list_everything(cluster) == {CART: manifest(CART)}


async def test_a_cluster_without_the_definitions_is_told_of_them() -> None:
    cluster: Any = Cluster("", "discovery.k8s.io")
    with pytest.raises(InputError, match="lateen crds"):
        await list_everything(cluster)


async def test_what_may_not_be_read_is_an_error() -> None:
    cluster: Any = Cluster("", "networking.istio.io", forbidden="pods")
    with pytest.raises(ApiError, match="no"):
        await list_everything(cluster)


async def test_secrets_are_read_one_by_one() -> None:
    keys = [Key(Kind.SECRET, "shop", name) for name in ("tls", "none", "hidden")]
    cluster: Any = Cluster(forbidden="hidden")
    found, failed = await get_secrets(cluster, keys)
    assert (list(found), failed) == ([keys[0]], {keys[2]: "no"})
