"""Everything that a cluster has, read once."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final

from lateen.errors import InputError
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import NETWORKING, RESOURCES
from lateen.model.keys import Key, Kind

_AT_ONCE: Final = 10
"""Secrets that are read at once."""


async def list_everything(client: KubeClient) -> dict[Key, Mapping[str, Any]]:
    """Read all objects of the kinds that Lateen reads, but for Secrets.

    Raises:
        InputError: the cluster knows none of the kinds that users write.
        ApiError: some of them cannot be read.
    """
    kinds = [kind for kind in RESOURCES if kind is not Kind.SECRET]
    listed = await asyncio.gather(*(_list(client, kind) for kind in kinds))
    unknown = {kind for kind, manifests in zip(kinds, listed, strict=True) if manifests is None}
    if unknown >= {*NETWORKING}:
        raise InputError("the cluster knows no Gateway and the like: `lateen crds | kubectl apply -f -` changes that")
    return {
        Key(kind, manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]): manifest
        for kind, manifests in zip(kinds, listed, strict=True)
        for manifest in manifests or ()
    }


async def get_secrets(client: KubeClient, keys: Collection[Key]) -> tuple[dict[Key, Mapping[str, Any]], dict[Key, str]]:
    """Read Secrets one by one: those that exist, and why the others cannot be read."""
    found: dict[Key, Mapping[str, Any]] = {}
    failed: dict[Key, str] = {}
    free = asyncio.Semaphore(_AT_ONCE)

    async def read(key: Key) -> None:
        try:
            async with free:
                manifest = await client.get(RESOURCES[Kind.SECRET], key.namespace, key.name)
        except ApiError as error:
            failed[key] = str(error)
        else:
            if manifest is not None:
                found[key] = manifest

    await asyncio.gather(*map(read, keys))
    return found, failed


async def _list(client: KubeClient, kind: Kind) -> list[dict[str, Any]] | None:
    """List one kind; None: the cluster does not know it."""
    try:
        manifests, _ = await client.list(RESOURCES[kind])
    except ApiError as error:
        if error.is_missing:
            return None
        raise
    return manifests
