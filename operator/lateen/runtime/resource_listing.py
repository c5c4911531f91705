"""What proxies are given, as a list for people and tools: the same from files and from a running instance."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, TypedDict

from lateen.envoy.display import show_resource
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceType


class ResourceFields(TypedDict):
    """One resource; this shape is stable (docs/cli.md)."""

    proxy: str
    type: str
    name: str
    version: str
    state: str
    """`acknowledged`, `pending` or `refused`; empty when no instance was asked."""
    origins: list[str]
    """The objects behind it, `Kind/namespace/name`, most responsible first."""
    resource: dict[str, Any]
    """Envoy's JSON. Secrets are taken out."""
    proxies: int
    """Connected Envoys that `state` is about; 0 when no instance was asked."""


class ResourceGroup(StrEnum):
    """What `lateen dump` can be asked for."""

    LISTENERS = "listeners"
    ROUTES = "routes"
    SCOPES = "scopes"
    CLUSTERS = "clusters"
    ENDPOINTS = "endpoints"
    SECRETS = "secrets"
    ALL = "all"


_GROUPS: Final[Mapping[ResourceType, ResourceGroup]] = {
    ResourceType.LISTENER: ResourceGroup.LISTENERS,
    ResourceType.SCOPE: ResourceGroup.SCOPES,
    ResourceType.ROUTE: ResourceGroup.ROUTES,
    ResourceType.CLUSTER: ResourceGroup.CLUSTERS,
    ResourceType.ENDPOINTS: ResourceGroup.ENDPOINTS,
    ResourceType.SECRET: ResourceGroup.SECRETS,
}
"""In the order in which a request meets them."""

_PLACES: Final = {type_: place for place, type_ in enumerate(_GROUPS)}


def group_of(type_: ResourceType) -> ResourceGroup:
    """Give the plural that people use: `listeners`."""
    return _GROUPS[type_]


def list_resources(
    resources: Mapping[ProxyId, Iterable[Resource]],
    group: ResourceGroup = ResourceGroup.ALL,
    *,
    proxy: str = "*",
    name: str = "*",
    state: Callable[[ProxyId, Resource], tuple[str, int]] = lambda _proxy, _resource: ("", 0),
) -> list[ResourceFields]:
    """List resources by proxy, type and name.

    Args:
        resources: what each proxy is given.
        group: which types.
        proxy: pattern with `*`, `?` and `[…]` of the proxy, in full (`shared/istio=ingressgateway`) or its last part.
        name: pattern of the resource's name.
        state: how far the connected Envoys of a proxy are with a resource, and how many those are.
    """
    return [
        _describe(owner, resource, *state(owner, resource))
        for owner in sorted(resources)
        if fnmatchcase(str(owner), proxy) or fnmatchcase(owner.name, proxy)
        for resource in sorted(resources[owner], key=lambda each: (_PLACES[each.key.type], each.key.name))
        if group in (ResourceGroup.ALL, _GROUPS[resource.key.type]) and fnmatchcase(resource.key.name, name)
    ]


def _describe(owner: ProxyId, resource: Resource, state: str, proxies: int) -> ResourceFields:
    return ResourceFields(
        proxy=str(owner),
        type=_GROUPS[resource.key.type].value,
        name=resource.key.name,
        version=resource.version,
        state=state,
        origins=[str(key) for key in resource.origins],
        resource=show_resource(resource),
        proxies=proxies,
    )
