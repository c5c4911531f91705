"""Secrets that are followed one by one, at an API server that behaves badly."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from tests.virtual_time import in_virtual_time

from lateen.kube.client import ApiError, KubeClient
from lateen.kube.named_secrets import NamedSecrets
from lateen.kube.watching import WatchHealth, WatchSettings
from lateen.model.keys import Key, Kind


class Forgetful:
    """Knows no version any more as soon as it has told it."""

    lists = 0

    async def list(self, *_: Any, **__: Any) -> tuple[list[dict[str, Any]], str]:
        self.lists += 1
        return [], "7"

    async def watch(self, *_: Any, **__: Any) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        if self.lists:
            raise ApiError(410, "Expired", "too old")
        yield "BOOKMARK", {}


@in_virtual_time
async def test_an_api_server_that_forgets_every_version_is_not_asked_without_a_pause() -> None:
    api, health = Forgetful(), WatchHealth()
    secrets = NamedSecrets(cast("KubeClient", api), health, WatchSettings(), report=lambda _: None, drop=lambda _: None)
    secrets.want([Key(Kind.SECRET, "shop", "tls")])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(secrets.run(), 10)
    assert 2 <= api.lists <= 30
    assert health.failing_secrets == {}
