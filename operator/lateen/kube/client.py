"""Reading and writing objects at an API server: a thin layer over the official client, for any kind.

Manifests are plain mappings, as in YAML. Everything is a coroutine on the caller's loop;
connections are shared and limited in number. Nothing is retried here: who calls knows
whether trying again makes sense (`ApiError.is_transient`).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from lateen.errors import InputError, LateenError
from lateen.kube.resources import ApiResource

Manifest: TypeAlias = Mapping[str, Any]
"""An object as it stands in YAML."""

MANAGER: Final = "lateen"
"""Field manager of everything that is applied."""

TIMEOUT: Final = 30.0
"""Seconds for one request that is no stream."""

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
_PAGE: Final = 500
_TRANSIENT: Final = frozenset({0, 408, 429, 500, 502, 503, 504})
_CONNECTIONS: Final = 100


class ApiError(LateenError):
    """The API server refused a request, or could not be reached."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        """Keep the parts of the answer.

        Args:
            code: HTTP status; 0: there was no answer.
            reason: one word for programs, such as `NotFound` or `Conflict`.
            message: the API server's words.
        """
        super().__init__(message or reason or f"status {code}")
        self.code = code
        self.reason = reason

    @property
    def is_missing(self) -> bool:
        """Whether the object, or its kind, does not exist."""
        return self.code == 404

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else was faster, or has the name already."""
        return self.code == 409

    @property
    def is_expired(self) -> bool:
        """Whether a version or a page is too old to go on from."""
        return self.code == 410

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in _TRANSIENT


class KubeClient:
    """One API server, as one identity."""

    def __init__(self, api: ApiClient) -> None:
        """Speak through a configured client of the official library; use `connect`."""
        self._api = api

    @classmethod
    async def connect(cls, kubeconfig: Path | None = None, context: str | None = None) -> Self:
        """Find the API server: the pod's own service account, unless a file or context is named or there is none.

        Raises:
            InputError: there is no usable configuration.
        """
        configuration = Configuration()
        try:
            if kubeconfig is None and context is None:
                with suppress(config.ConfigException):
                    config.load_incluster_config(client_configuration=configuration)
                    return cls(cls._client(configuration))
            file = str(kubeconfig) if kubeconfig is not None else None
            await config.load_kube_config(config_file=file, context=context, client_configuration=configuration)
        except (config.ConfigException, OSError) as error:
            raise InputError(f"no way to a cluster: {error}") from error
        return cls(cls._client(configuration))

    @staticmethod
    def _client(configuration: Any) -> ApiClient:
        configuration.connection_pool_maxsize = _CONNECTIONS
        return ApiClient(configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def get(self, resource: ApiResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object; None: there is none.

        Raises:
            ApiError: it cannot be read.
        """
        try:
            return await self.request("GET", resource.path(namespace, name))
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

    async def apply(self, resource: ApiResource, manifest: Manifest, *, part: str = "") -> dict[str, Any]:
        """Make an object say what the manifest says, by server-side apply; what others have set otherwise stays.

        Args:
            resource: its kind.
            manifest: what it is to say, with `apiVersion` and `kind`.
            part: a subresource, such as `status`.

        Raises:
            ApiError: it is refused.
        """
        metadata = manifest["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        query = {"fieldManager": MANAGER, "force": "true"}
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
            ApiError: they cannot be read; `is_expired` when pages ran out of date.
        """
        found: list[dict[str, Any]] = []
        asked = {"limit": str(_PAGE), **query}
        accept = _METADATA if metadata_only else "application/json"
        while True:
            page = await self.request("GET", resource.collection(namespace), query=asked, accept=accept)
            found += page.get("items") or ()
            metadata = page.get("metadata", {})
            if not metadata.get("continue"):
                return found, metadata.get("resourceVersion", "")
            asked["continue"] = metadata["continue"]

    async def watch(
        self, resource: ApiResource, namespace: str = "", *, version: str, seconds: int = 300, **query: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Follow changes after `version`: type (`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`) and object.

        Ends after `seconds`, or whenever the API server ends it.

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
        async for line in self.lines(resource.collection(namespace), asked, silence=seconds + 10.0):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise _error_of(event["object"].get("code", 500), event["object"])
            yield event["type"], event["object"]

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
            ApiError: it failed, for whatever reason.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        try:
            answer = await self._send(method, path, query, headers, body, aiohttp.ClientTimeout(total=TIMEOUT))
            data = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        decoded = _decode(data)
        if not 200 <= answer.status < 300:
            raise _error_of(answer.status, decoded)
        return decoded

    async def lines(
        self, path: str, query: Mapping[str, str] | None = None, *, silence: float | None = None
    ) -> AsyncIterator[bytes]:
        """Read an answer line by line as it comes, without the line's end.

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
                if not 200 <= answer.status < 300:
                    raise _error_of(answer.status, _decode(await answer.read()))
                async for line in answer.response.content:
                    yield line.rstrip(b"\n")
            finally:
                answer.response.close()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(error) from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: dict[str, str],
        body: Manifest | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - passed on
    ) -> Any:
        serialized = await self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        method, url, headers, content, _ = serialized
        return await self._api.call_api(method, url, headers, content, _request_timeout=timeout)


def _decode(data: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()[:500]}
    return decoded if isinstance(decoded, dict) else {"items": decoded}


def _error_of(code: int, status: Mapping[str, Any]) -> ApiError:
    return ApiError(code, str(status.get("reason", "")), str(status.get("message", "")))


def _unreachable(error: BaseException) -> ApiError:
    words = "no answer in time" if isinstance(error, asyncio.TimeoutError) else str(error) or type(error).__name__
    return ApiError(0, "Unreachable", words)
