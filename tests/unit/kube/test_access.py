"""The way to an API server."""

import pytest
from kubernetes.aio.client import Configuration

from lateen.kube.access import Access, _proxy_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example.com")


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://cluster.example.com:6443", "http://proxy:3128"),
        ("https://api.internal.example.com", None),
        ("https://127.0.0.1:6443", None),
        ("https://[::1]:6443", None),
        ("https://localhost:6443", None),
        ("http://cluster.example.com", None),
    ],
)
def test_a_cluster_elsewhere_is_reached_through_the_proxy_of_the_environment(url: str, proxy: str | None) -> None:
    assert _proxy_of(url) == proxy


def configuration(token: str) -> Configuration:
    found = Configuration()
    found.api_key["BearerToken"] = token
    return found


async def test_a_token_is_read_again_when_it_is_old() -> None:
    now, loads = 0.0, 0

    async def load() -> Configuration:
        nonlocal loads
        loads += 1
        return configuration(f"bearer {loads}\n")

    access = Access(configuration("bearer 0"), load, age=60, clock=lambda: now)
    assert await access.authorization() == "bearer 0"
    now = 59
    assert await access.authorization() == "bearer 0"
    now = 60
    assert await access.authorization() == "bearer 1"
    assert await access.authorization() == "bearer 1"
    now = 120
    assert await access.authorization() == "bearer 2"


async def test_a_token_that_cannot_be_read_stays() -> None:
    async def load() -> Configuration:
        raise FileNotFoundError("gone")

    access = Access(configuration("bearer 0"), load)
    assert not await access.renew("bearer 0")
    assert await access.authorization() == "bearer 0"


async def test_a_token_that_was_renewed_meanwhile_is_not_read_again() -> None:
    async def load() -> Configuration:
        raise AssertionError("nobody needs it")

    access = Access(configuration("bearer 1"), load)
    assert await access.renew("bearer 0")
