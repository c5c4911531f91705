"""Writes of a leader: they end with its time, also those that are under way.

Without that a request which the API server is slow to answer could arrive half a minute after
another replica has begun to lead.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, Protocol, Self

from lateen.kube.answers import ApiError
from lateen.kube.client import KubeClient, Manifest

_READS: Final = frozenset({"GET"})


class Fence(Protocol):
    """Says whether this replica may write: a `LeaseLeadership`."""

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Bound what is done in the context to the time in which this replica leads.

        Raises:
            TimeoutError: it does not lead, or not any more.
        """
        ...


class FencedClient(KubeClient):
    """Reads like any client; writes while this replica leads, and no longer."""

    _fence: Fence

    @classmethod
    def behind(cls, fence: Fence, client: KubeClient) -> Self:
        """Share the connections of another client, which stays the one to be closed."""
        fenced = cls(client._api, client._access)  # noqa: SLF001 - of the same family
        fenced._fence = fence
        return fenced

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request and decode the JSON answer.

        Raises:
            ApiError: it failed, for whatever reason; one that `is_transient` where this replica does not lead.
        """
        request = partial(
            super().request, method, path, query=query, body=body, content_type=content_type, accept=accept
        )
        if method in _READS:
            return await request()
        try:
            async with self._fence.writing():
                return await request()
        except TimeoutError as error:
            raise ApiError(0, "NotLeading", "this replica does not lead any more") from error
