"""The admin pages of one Envoy (Envoy docs: "Administration interface"), as a small async client."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from lateen.errors import ProxyError

_TIMEOUT: Final = 5.0


class AdminClient:
    """Asks one Envoy. Use it as an async context manager, or call `close`."""

    def __init__(self, address: str, *, timeout: float = _TIMEOUT) -> None:
        """Talk to the admin pages at `address` (`host:port`).

        Args:
            address: where Envoy's admin pages are.
            timeout: seconds for one request.
        """
        self.address = address
        # The pages are plain HTTP on loopback: no proxies of the environment, and an
        # empty TLS context, as loading the certificates of the system takes 30 ms.
        self._http = httpx.AsyncClient(
            base_url=f"http://{address}",
            timeout=timeout,
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    async def __aenter__(self) -> Self:
        """Enter; nothing is sent yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def is_ready(self) -> bool:
        """Whether Envoy serves: it has its first listeners and clusters. False also while it does not answer."""
        try:
            response = await self._http.get("/ready")
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK

    async def server_info(self) -> Mapping[str, Any]:
        """Version, state, uptime and command line."""
        return await self._json("/server_info")

    async def stats(self, pattern: str = "") -> dict[str, int]:
        """Give counters and gauges whose names match the regular expression (anywhere; empty: all).

        Text values and histograms are left out.
        """
        query = {"format": "json"} | ({"filter": pattern} if pattern else {})
        found = (await self._json("/stats", query)).get("stats", [])
        return {stat["name"]: stat["value"] for stat in found if isinstance(stat.get("value"), int)}

    async def clusters(self) -> list[Mapping[str, Any]]:
        """Give the clusters with their hosts, health and ejections (`envoy.admin.v3.ClusterStatus`)."""
        return list((await self._json("/clusters", {"format": "json"})).get("cluster_statuses", []))

    async def listeners(self) -> dict[str, str]:
        """Give the address, `host:port`, of every active listener by its name."""
        found = (await self._json("/listeners", {"format": "json"})).get("listener_statuses", [])
        return {status["name"]: _print_address(status.get("local_address", {})) for status in found}

    async def config_dump(self, resource: str = "") -> list[Mapping[str, Any]]:
        """Give what Envoy has been told; `resource` picks one field, such as `dynamic_listeners`."""
        query = {"resource": resource} if resource else None
        return list((await self._json("/config_dump", query)).get("configs", []))

    async def active_connections(self) -> int:
        """Count the downstream connections of all listeners except the admin pages' own."""
        stats = await self.stats(r"^listener\..*\.downstream_cx_active$")
        return sum(
            value for name, value in stats.items() if not name.startswith("listener.admin.") and ".worker_" not in name
        )

    async def fail_health_check(self) -> None:
        """Make Envoy close connections as their requests end, and answer health checks with failure."""
        await self._post("/healthcheck/fail")

    async def drain_listeners(self, *, graceful: bool) -> None:
        """Begin to drain all listeners; they close after Envoy's drain time, or at once when not `graceful`."""
        await self._post("/drain_listeners?graceful" if graceful else "/drain_listeners")

    async def _json(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        response = await self._send("GET", path, query)
        body: Any = response.json()
        if not isinstance(body, dict):
            raise ProxyError(f"Envoy at {self.address} answered {path} with something unexpected")
        return body

    async def _post(self, path: str) -> None:
        await self._send("POST", path, None)

    async def _send(self, method: str, path: str, query: Mapping[str, str] | None) -> httpx.Response:
        try:
            response = await self._http.request(method, path, params=query)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise ProxyError(f"Envoy at {self.address} answered {path} with status {status}") from error
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ProxyError(f"Envoy at {self.address} does not answer {path}: {reason}") from error
        return response


def _print_address(address: Mapping[str, Any]) -> str:
    socket = address.get("socket_address")
    if socket is None:
        return str(address.get("pipe", {}).get("path", ""))
    host = socket["address"]
    return f"[{host}]:{socket['port_value']}" if ":" in host else f"{host}:{socket['port_value']}"
