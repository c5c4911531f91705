"""Fixtures of the tests with traffic: one instance and one Envoy per module, one site per test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.integration.traffic.edge import Edge, running_edge
from tests.integration.traffic.site import Site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    async with running_edge(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def site(edge: Edge) -> AsyncIterator[Site]:
    made = Site(edge)
    yield made
    await made.stop()
