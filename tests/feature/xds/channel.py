"""The far end of a real gRPC stream: a client that speaks the delta protocol by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.rpc import status_pb2
from grpc import aio

from lateen.ir.resource import ResourceType


class Client:
    """One stream of one proxy."""

    def __init__(self, channel: Any, node: Any) -> None:
        """Open the stream; the first message carries the node."""
        self._call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).DeltaAggregatedResources()
        self._node = node

    async def ask(self, type_: ResourceType, *names: str, initial: dict[str, str] | None = None) -> None:
        """Subscribe."""
        await self.send(type_url=type_.url, resource_names_subscribe=names, initial_resource_versions=initial or {})

    async def send(self, **fields: Any) -> None:
        """Send one request."""
        request = discovery_pb2.DeltaDiscoveryRequest(**fields)
        if self._node is not None:
            request.node.CopyFrom(self._node)
            self._node = None
        await self._call.write(request)

    async def receive(self) -> Any:
        """Await one response; `aio.EOF` when the server ended the stream."""
        return await self._call.read()

    async def ack(self, response: Any) -> None:
        """Acknowledge."""
        await self.send(type_url=response.type_url, response_nonce=response.nonce)

    async def nack(self, response: Any, message: str) -> None:
        """Reject."""
        error = status_pb2.Status(code=3, message=message)
        await self.send(type_url=response.type_url, response_nonce=response.nonce, error_detail=error)

    async def code(self) -> Any:
        """Await the end and tell its status code."""
        return await self._call.code()

    async def details(self) -> str:
        """Await the end and tell its message."""
        return str(await self._call.details())

    def cancel(self) -> None:
        """Hang up."""
        self._call.cancel()


@asynccontextmanager
async def connected(
    address: str, cluster: str = "edge/all", node_id: str = "envoy-1", *, channel: Any = None
) -> AsyncIterator[Client]:
    """Open a stream, on a plain channel unless one is given, which is closed in the end."""
    async with channel or aio.insecure_channel(address) as opened:
        client = Client(opened, base_pb2.Node(id=node_id, cluster=cluster))
        yield client
        client.cancel()
