"""Before an operator is uninstalled: stop it, then remove what it has made outside of its chart.

Objects of users, their status included, are not touched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from lateen.infra.kube import MADE
from lateen.infra.naming import operator_labels
from lateen.kube.client import KubeClient
from lateen.kube.lease import LEASES
from lateen.kube.resources import DEPLOYMENTS, PODS, SECRETS

_PAUSE: Final = 0.5

_log = structlog.get_logger(__name__)


async def clean_up(
    client: KubeClient,
    *,
    namespace: str,
    deployment: str,
    pods: str,
    authority: str,
    lease: str,
    everywhere: bool = True,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
) -> int:
    """Stop the operator and remove what it has made. Doing it twice is fine.

    Args:
        client: the API server.
        namespace: where the operator runs.
        deployment: its own Deployment.
        pods: label selector of its own pods.
        authority: the Secret with its authority.
        lease: the Lease by which its replicas elect.
        everywhere: whether its proxies are in all namespaces; if not, they are in its own.
        sleep: waits between two looks.

    Returns:
        how many objects were removed.

    Raises:
        ApiError: the API server refuses.
    """
    if await client.get(DEPLOYMENTS, namespace, deployment) is not None:
        _log.info("stopping the operator", deployment=f"{namespace}/{deployment}")
        await client.merge(DEPLOYMENTS, namespace, deployment, {"spec": {"replicas": 0}})
        while (await client.list(PODS, namespace, metadata_only=True, labelSelector=pods))[0]:
            await sleep(_PAUSE)
    removed = 0
    where = "" if everywhere else namespace
    selector = ",".join(f"{name}={value}" for name, value in operator_labels(namespace).items())
    for resource in (*reversed(MADE), SECRETS):
        found, _ = await client.list(resource, where, metadata_only=True, labelSelector=selector)
        for each in found:
            metadata = each["metadata"]
            removed += await client.delete(resource, metadata["namespace"], metadata["name"])
            _log.info("removed", kind=resource.kind, object=f"{metadata['namespace']}/{metadata['name']}")
    removed += await client.delete(SECRETS, namespace, authority)
    removed += await client.delete(LEASES, namespace, lease)
    return removed
