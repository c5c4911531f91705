"""A real Envoy on a real stream, with backends that say their name and clients that count."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration

# Parsing `typed_config` needs these messages to be known.
from envoy.extensions.filters.http.router.v3 import router_pb2 as _router  # noqa: F401 - known inside Any
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as _manager  # noqa: F401 - the same
from envoy.extensions.network.dns_resolver.cares.v3 import cares_dns_resolver_pb2 as _resolver  # noqa: F401 - the same
from google.protobuf import json_format
from tests.integration.envoy.static_envoy import envoy_binary

from lateen.envoy.bootstrap import BootstrapOptions, bootstrap_text, build_bootstrap
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey, ResourceType
from lateen.model.keys import Key, Kind
from lateen.xds.cache import ResourceCache
from lateen.xds.events import Event
from lateen.xds.patience import GracePeriods
from lateen.xds.server import DiscoveryServer
from lateen.xds.transport import Transport

PATIENCE = 20.0
"""Seconds after which an event that should come is given up."""

PROXY = ProxyId("edge", "all")
_ADS = {"ads": {}, "resource_api_version": "V3"}
_TYPES = "type.googleapis.com/envoy.extensions.filters"


def made(type_: ResourceType, message: Any, fields: dict[str, Any], *needs: ResourceKey) -> Resource:
    """Make a resource of a message written as JSON."""
    json_format.ParseDict(fields, message)
    name = fields.get("name") or fields["cluster_name"]
    body = message.SerializeToString(deterministic=True)
    key = ResourceKey(type_, name)
    return Resource(key, sha256(body).hexdigest()[:16], body, frozenset(needs), (Key(Kind.VIRTUAL_SERVICE, "t", name),))


def _assignment(name: str, host: str, port: int) -> dict[str, Any]:
    endpoint = {"address": {"socket_address": {"address": host, "port_value": port}}}
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]}


def eds(name: str, timeout: str = "1s") -> Resource:
    """Make a cluster that asks for its endpoints."""
    fields = {"name": name, "type": "EDS", "connect_timeout": timeout, "eds_cluster_config": {"eds_config": _ADS}}
    return made(ResourceType.CLUSTER, Cluster(), fields)


def dns(name: str, port: int) -> Resource:
    """Make a cluster that resolves a name."""
    fields = {
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_ONLY",
        "load_assignment": _assignment(name, "localhost", port),
    }
    return made(ResourceType.CLUSTER, Cluster(), fields)


def unresolvable(name: str, resolver_port: int) -> Resource:
    """Make a cluster whose resolver never answers."""
    resolver = {
        "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        "resolvers": [{"socket_address": {"protocol": "UDP", "address": "127.0.0.1", "port_value": resolver_port}}],
    }
    fields = {
        "name": name,
        "type": "STRICT_DNS",
        "typed_dns_resolver_config": {"name": "envoy.network.dns_resolver.cares", "typed_config": resolver},
        "load_assignment": _assignment(name, "nobody.example", 80),
    }
    return made(ResourceType.CLUSTER, Cluster(), fields)


def static(name: str, port: int, address: str = "127.0.0.1") -> Resource:
    """Make a cluster with an address."""
    fields = {"name": name, "type": "STATIC", "load_assignment": _assignment(name, address, port)}
    return made(ResourceType.CLUSTER, Cluster(), fields)


def endpoints(name: str, port: int) -> Resource:
    """Make the endpoints of a cluster."""
    return made(ResourceType.ENDPOINTS, ClusterLoadAssignment(), _assignment(name, "127.0.0.1", port))


def route(name: str, *clusters: str, regex: str = ".*") -> Resource:
    """Make a route configuration that sends everything to the first cluster, and names the others."""
    routes = [
        {"match": {"path": f"/{number}"} if number else {"safe_regex": {"regex": regex}}, "route": {"cluster": each}}
        for number, each in reversed(tuple(enumerate(clusters)))
    ]
    fields = {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}
    needs = (ResourceKey(ResourceType.CLUSTER, each) for each in clusters)
    return made(ResourceType.ROUTE, RouteConfiguration(), fields, *needs)


def listener(name: str, port: int, route_name: str) -> Resource:
    """Make an HTTP listener that asks for its routes."""
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {"route_config_name": route_name, "config_source": _ADS},
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"}},
        ],
    }
    fields = {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return made(ResourceType.LISTENER, Listener(), fields, ResourceKey(ResourceType.ROUTE, route_name))


class Observed:
    """Events as they come, and a way to await one."""

    def __init__(self) -> None:
        """Start with none."""
        self.events: list[Event] = []
        self._waiting: list[tuple[Callable[[Event], bool], asyncio.Future[Event]]] = []

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)
        for condition, future in self._waiting:
            if not future.done() and condition(event):
                future.set_result(event)

    async def until(self, condition: Callable[[Event], bool]) -> Event:
        """Await an event that meets the condition, unless there was one already."""
        met = next((event for event in self.events if condition(event)), None)
        return await self.next(condition) if met is None else met

    async def next(self, condition: Callable[[Event], bool]) -> Event:
        """Await the next event that meets the condition."""
        entry = (condition, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            return await asyncio.wait_for(entry[1], PATIENCE)
        finally:
            self._waiting.remove(entry)


class Backend:
    """An HTTP server that answers its name."""

    def __init__(self, name: str) -> None:
        """Name it; `port` is known once it listens."""
        self.name = name
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = self.name.encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(head + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the proxy closed the connection
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Backend"]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()


async def fetch(port: int, path: str = "/") -> tuple[int, str]:
    """Send one request; return status and body."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}{path}")
    return answer.status_code, answer.text


@asynccontextmanager
async def load(port: int, clients: int = 4) -> AsyncIterator[Counter[str]]:
    """Send requests as fast as answers come, on kept connections, until the block ends; count answers."""
    answers: Counter[str] = Counter()
    ending = asyncio.Event()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not ending.is_set():
            writer.write(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length:")[2].partition("\r\n")[0])
            body = (await reader.readexactly(length)).decode()
            status = head.split()[1]
            answers[body if status == "200" else f"{status} {body}"] += 1
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
        try:
            yield answers
        finally:
            ending.set()


class House:
    """A discovery server, an Envoy, and backends `one` and `two`."""

    def __init__(self, directory: Path, transport: Transport | None = None) -> None:
        """Prepare everything; nothing runs yet."""
        self.cache = ResourceCache()
        self.observed = Observed()
        self.patience = GracePeriods(farewell=0.1)
        self.transport = transport or Transport()
        self.server = DiscoveryServer(
            self.cache, observer=self.observed, patience=self.patience, transport=self.transport
        )
        self.address = ""
        self.one = Backend("one")
        self.two = Backend("two")
        self.directory = directory
        self.log = directory / "envoy.log"
        self._admin = ""

    def publish(self, *resources: Resource, without: tuple[Resource, ...] = ()) -> None:
        """Change what is desired."""
        changes: dict[ResourceKey, Resource | None] = {each.key: each for each in resources}
        changes.update({each.key: None for each in without})
        self.cache.publish(PROXY, changes)

    async def admin(self, path: str) -> str:
        """Ask Envoy's admin page."""
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://{self._admin}{path}")).text

    async def clusters(self) -> set[str]:
        """Name the clusters that Envoy got from here."""
        stats = json.loads(await self.admin("/config_dump?resource=dynamic_active_clusters&mask=cluster.name"))
        return {each["cluster"]["name"] for each in stats.get("configs", ())}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        """Run everything until the block ends."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.one.listening())
            await stack.enter_async_context(self.two.listening())
            self.cache.publish(PROXY, {})
            self.address = await self.server.start()
            self.server.admit()
            stack.push_async_callback(lambda: self.server.stop(0.5))
            yield self

    def bootstrap(self) -> dict[str, Any]:
        """Give what Envoy is started with."""
        return build_bootstrap(BootstrapOptions(self.address, str(PROXY), "envoy-1"))

    @asynccontextmanager
    async def envoy(self) -> AsyncIterator[None]:
        """Run an Envoy until the block ends."""
        config = self.directory / "envoy.json"
        admin = self.directory / "admin"
        await asyncio.to_thread(config.write_text, bootstrap_text(self.bootstrap()))
        options = ["--concurrency", "1", "--use-dynamic-base-id", "--admin-address-path", str(admin)]
        process = await asyncio.create_subprocess_exec(
            envoy_binary(), "-c", str(config), *options, "--log-path", str(self.log), "-l", "warning"
        )
        try:
            while not await asyncio.to_thread(lambda: admin.exists() and admin.read_text()):
                assert process.returncode is None, await asyncio.to_thread(self.log.read_text)
                await asyncio.sleep(0.01)
            self._admin = await asyncio.to_thread(admin.read_text)
            yield
        finally:
            process.terminate()
            await process.wait()
            await asyncio.to_thread(admin.unlink)
