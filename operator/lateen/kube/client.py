"""Reading and writing objects at an API server: a thin layer over the official client, for any kind.

Manifests are plain mappings, as in YAML. Everything is a coroutine on the caller's loop;
connections are shared and limited in number. Nothing is retried here: who calls knows
whether trying again makes sense (`ApiError.is_transient`).
"""

import asyncio
import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient

from lateen.kube.access import Access
from lateen.kube.answers import ApiError, decode, error_of, unreachable
from lateen.kube.lists import decode_list
from lateen.kube.resources import ApiResource
from lateen.kube.yaml_json import to_yaml_json

__all__ = ["MANAGER", "TIMEOUT", "ApiError", "KubeClient", "Manifest"]

Manifest: TypeAlias = Mapping[str, Any]
"""An object as it stands in YAML."""

MANAGER: Final = "lateen"
"""Field manager of everything that is applied."""

TIMEOUT: Final = 30.0
"""Seconds for one request that is no stream."""

_FAREWELL: Final = 2.0
"""Seconds that the other side of a WebSocket gets to answer its end."""

_JSON: Final = "application/json"
_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
_MERGE: Final = "application/merge-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
_PAGE: Final = 500
_CONNECTIONS: Final = 100
_UNAUTHORIZED: Final = 401
_NO_LIMIT: Final = aiohttp.ClientTimeout(total=None)


class KubeClient:
    """One API server, as one identity."""

    def __init__(self, api: ApiClient, access: Access) -> None:
        """Speak through a configured client of the official library; use `connect`."""
        self._api = api
        self._access = access

    @classmethod
    async def connect(
        cls, kubeconfig: Path | None = None, context: str | None = None, *, connections: int = _CONNECTIONS
    ) -> Self:
        """Find the API server: the pod's own service account, unless a file or context is named or there is none.

        Args:
            kubeconfig: file to read instead.
            context: which of the file's contexts, if not its current one.
            connections: how many there are at most at once, and a stream takes one; 0: no limit.

        Raises:
            InputError: there is no usable configuration.
        """
        return await cls.reach(await Access.find(kubeconfig, context), connections=connections)

    @classmethod
    async def reach(cls, access: Access, *, connections: int = _CONNECTIONS) -> Self:
        """Speak to the API server that `access` leads to. Nothing is sent yet."""
        access.configuration.connection_pool_maxsize = connections
        return cls(await asyncio.to_thread(_build, access.configuration), access)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def get(
        self, resource: ApiResource, namespace: str, name: str, *, metadata_only: bool = False
    ) -> dict[str, Any] | None:
        """Read one object; None: there is none.

        Args:
            resource: its kind.
            namespace: where it is.
            name: its name.
            metadata_only: leave out all but `metadata`.

        Raises:
            ApiError: it cannot be read.
        """
        accept = _METADATA if metadata_only else _JSON
        try:
            return await self.request("GET", resource.path(namespace, name), accept=accept)
        except ApiError as error:
            if error.is_missing:
                return None
            raise

    async def create(self, resource: ApiResource, manifest: Manifest) -> dict[str, Any]:
        """Create one object.

        Raises:
            ApiError: it exists already (`is_conflict`), or is refused.
        """
        namespace = manifest["metadata"].get("namespace", "")
        return await self.request("POST", resource.collection(namespace), body=manifest)

    async def replace(self, resource: ApiResource, manifest: Manifest) -> dict[str, Any]:
        """Replace one object; with a `resourceVersion` in it, only that version of it.

        Raises:
            ApiError: it has another version by now (`is_conflict`), or is refused.
        """
        metadata = manifest["metadata"]
        return await self.request("PUT", resource.path(metadata.get("namespace", ""), metadata["name"]), body=manifest)

    async def apply(
        self, resource: ApiResource, manifest: Manifest, *, part: str = "", manager: str = MANAGER
    ) -> dict[str, Any]:
        """Make an object say what the manifest says, by server-side apply; what others have set otherwise stays.

        Args:
            resource: its kind.
            manifest: what it is to say, with `apiVersion` and `kind`.
            part: a subresource, such as `status`.
            manager: who says so; fields that a manager does not apply any more are removed if nobody else has them.

        Raises:
            ApiError: it is refused.
        """
        metadata = manifest["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": manager, "force": "true"}
        url = f"{path}/{part}" if part else path
        return await self.request("PATCH", url, query=query, body=manifest, content_type=_APPLY)

    async def merge(
        self, resource: ApiResource, namespace: str, name: str, patch: Manifest, *, part: str = ""
    ) -> dict[str, Any]:
        """Merge fields into an object (RFC 7386); lists are replaced, None removes.

        Raises:
            ApiError: the object does not exist, or the patch is refused.
        """
        path = resource.path(namespace, name)
        url = f"{path}/{part}" if part else path
        return await self.request("PATCH", url, query={"fieldManager": MANAGER}, body=patch, content_type=_MERGE)

    async def delete(self, resource: ApiResource, namespace: str, name: str) -> bool:
        """Delete an object, and let what it owns follow; False: there was none.

        Raises:
            ApiError: it cannot be deleted.
        """
        try:
            await self.request("DELETE", resource.path(namespace, name), query={"propagationPolicy": "Background"})
        except ApiError as error:
            if error.is_missing:
                return False
            raise
        return True

    async def list(
        self, resource: ApiResource, namespace: str = "", *, metadata_only: bool = False, **query: str
    ) -> tuple[list[dict[str, Any]], str]:
        """Read all objects, page by page, and the version that they had together.

        Args:
            resource: their kind.
            namespace: empty: of all namespaces.
            metadata_only: leave out all but `metadata`, which costs a fraction.
            query: `labelSelector`, `fieldSelector` and the like.

        Raises:
            ApiError: they cannot be read; `is_expired` when pages ran out of date twice.
        """
        try:
            return await self._all_pages(resource, namespace, query, metadata_only=metadata_only)
        except ApiError as error:
            if not error.is_expired:
                raise
        return await self._all_pages(resource, namespace, query, metadata_only=metadata_only)

    async def pieces(
        self, resource: ApiResource, *, metadata_only: bool = False
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Read all objects of all namespaces at once, where there may be very many (`lateen.kube.lists`).

        Gives lists with some of the `items` each; the last one has `metadata`, whose version all of them had.

        Raises:
            ApiError: they cannot be read.
        """
        accept = _METADATA_LIST if metadata_only else _JSON
        code, body = await self._fetch("GET", resource.collection(), None, {"Accept": accept}, None)
        if not _is_good(code):
            raise error_of(code, decode(body))
        try:
            for piece in decode_list(body):
                yield piece
                await asyncio.sleep(0)
        except ValueError as error:
            raise ApiError(0, "Unreadable", f"no JSON: {error}") from error

    async def _all_pages(
        self, resource: ApiResource, namespace: str, query: Mapping[str, str], *, metadata_only: bool
    ) -> tuple[builtins.list[dict[str, Any]], str]:
        found: builtins.list[dict[str, Any]] = []
        asked = {"limit": str(_PAGE), **query}
        accept = _METADATA_LIST if metadata_only else _JSON
        while True:
            page = await self.request("GET", resource.collection(namespace), query=asked, accept=accept)
            found += page.get("items") or ()
            metadata = page.get("metadata", {})
            if not metadata.get("continue"):
                return found, metadata.get("resourceVersion", "")
            asked["continue"] = metadata["continue"]

    async def watch(
        self,
        resource: ApiResource,
        namespace: str = "",
        *,
        version: str,
        seconds: int = 300,
        silence: float | None = None,
        **query: str,
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """Follow changes after `version`: type (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`) and object.

        Ends after `seconds`, or whenever the API server ends it.

        Args:
            resource: the kind to follow.
            namespace: empty: all namespaces.
            version: where to begin, as a list or the last event gave it.
            seconds: how long to follow.
            silence: seconds without any event, bookmarks included, after which it counts as broken;
                None: a little more than `seconds`.
            query: `labelSelector`, `fieldSelector` and the like.

        Raises:
            ApiError: it cannot be followed; `is_expired`: list again.
        """
        asked = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
            "resourceVersion": version,
            **query,
        }
        limit = silence if silence is not None else seconds + 10.0
        async with aclosing(self.lines(resource.collection(namespace), asked, silence=limit)) as lines:
            async for line in lines:
                event = decode(line)
                if "object" not in event:
                    raise ApiError(0, "Unreadable", f"no event: {event.get('message', '')}")
                if event["type"] == "ERROR":
                    raise error_of(event["object"].get("code", 500), event["object"])
                yield event["type"], event["object"]

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> dict[str, Any]:
        """Send one request and decode the JSON answer.

        Raises:
            ApiError: it failed, for whatever reason.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        code, data = await self._fetch(method, path, query, headers, body)
        decoded = decode(data)
        if not _is_good(code):
            raise error_of(code, decoded)
        if decoded.keys() == {"message"}:
            raise ApiError(0, "Unreadable", f"no JSON: {decoded['message']}")
        return decoded

    async def _fetch(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: Manifest | None,
    ) -> tuple[int, bytes]:
        """Send a request; give the status and the answer."""
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._send(method, path, query, headers, body, _NO_LIMIT)
                async with answer:
                    return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error

    async def lines(
        self, path: str, query: Mapping[str, str] | None = None, *, silence: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Read an answer line by line as it comes, without the line's end. What has no end was cut off: it is no line.

        Args:
            path: what to read.
            query: parameters.
            silence: seconds without any data after which the connection counts as broken; None: never.

        Raises:
            ApiError: it failed, or broke off.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=silence)
        try:
            answer = await self._send("GET", path, query, {"Accept": "*/*"}, None, timeout)
            try:
                if not _is_good(answer.status):
                    raise error_of(answer.status, decode(await answer.read()))
                async for line in _split(answer.content):
                    yield line
            finally:
                _cut(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error

    @asynccontextmanager
    async def websocket(
        self, path: str, query: Mapping[str, str], protocol: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket while the context lasts.

        Args:
            path: where.
            query: parameters.
            protocol: the subprotocol to speak.

        Raises:
            ApiError: it is refused, or broke off.
        """
        token = await self._access.authorization()
        headers = {**self._api.default_headers, **({"Authorization": token} if token else {})}
        rest = self._api.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()  # noqa: SLF001 - as the library's own WebSockets do
        try:
            async with asyncio.timeout(TIMEOUT):
                connected = await rest.pool_manager.ws_connect(
                    self._url(path, query),
                    headers=headers,
                    protocols=(protocol,),
                    proxy=rest.proxy,
                    server_hostname=rest.configuration.tls_server_name,
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_FAREWELL),
                )
        except aiohttp.WSServerHandshakeError as error:
            await self.request("GET", path, query=query)  # which is refused the same way, with words
            raise ApiError(error.status, "Refused", error.message) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error
        try:
            yield connected
        finally:
            await connected.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: Manifest | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - passed on
    ) -> aiohttp.ClientResponse:
        """Send a request; once more where the API server does not know the token any more and there is a new one."""
        url = self._url(path, query)
        token = await self._access.authorization()
        answer = await self._try(method, url, token, headers, body, timeout)
        if answer.status != _UNAUTHORIZED or not await self._access.renew(token):
            return answer
        answer.release()
        return await self._try(method, url, await self._access.authorization(), headers, body, timeout)

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        return str(self._api.configuration.host) + path + (f"?{urlencode(query)}" if query else "")

    async def _try(
        self,
        method: str,
        url: str,
        token: str,
        headers: Mapping[str, str],
        body: Manifest | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - passed on
    ) -> aiohttp.ClientResponse:
        sent = {**self._api.default_headers, **headers, **({"Authorization": token} if token else {})}
        content: Any = body
        if headers.get("Content-Type") == _APPLY:  # read as YAML there, which is not quite a superset of JSON
            content = to_yaml_json(body)
        answer = await self._api.call_api(method, url, sent, content, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response


def _is_good(code: int) -> bool:
    return 200 <= code < 300


def _cut(answer: aiohttp.ClientResponse) -> None:
    """End an answer that may go on for ever. A farewell by TLS would keep its connection for a while."""
    connection = answer.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    answer.close()


def _build(configuration: Any) -> ApiClient:
    """Read certificates and Lateen's version from files."""
    api = ApiClient(configuration)
    api.user_agent = f"lateen/{version_of('lateen')}"
    return api


async def _split(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Give line by line, however long they are; the beginning of one that was cut off is left out."""
    begun: list[bytes] = []
    async for data in stream.iter_any():
        *ends, rest = data.split(b"\n")
        for end in ends:
            yield b"".join((*begun, end))
            begun.clear()
        begun.append(rest)
