"""Where the API server is, what it is trusted by, and who asks: from a pod's service account or a kubeconfig.

Files are read and plugins run in a thread, never on the event loop. A token is read anew when it
is a minute old (a pod's token is replaced on disk long before it expires), and whenever the API
server does not know it any more.
"""

import asyncio
import ipaddress
import math
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from lateen.errors import InputError
from lateen.kube.kubeconfig import ACCOUNT, IN_CLUSTER, kubeconfig_in_force

_TOKEN: Final = "BearerToken"  # noqa: S105 - the library's name for it
_TOKEN_AGE: Final = 60.0


class Access:
    """How one API server is reached, as one identity."""

    def __init__(
        self,
        configuration: Any,
        load: Callable[[], Awaitable[Any]],
        *,
        age: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with what was loaded; use `find`.

        Args:
            configuration: the library's own.
            load: loads it again.
            age: seconds after which the token may have been replaced.
            clock: monotonic seconds.
        """
        self.configuration = configuration
        self._load = load
        self._age = age
        self._clock = clock
        self._loaded = clock()
        self._lock = asyncio.Lock()

    @classmethod
    async def find(cls, kubeconfig: Path | None = None, context: str | None = None, account: Path = ACCOUNT) -> Self:
        """Find the API server: the pod's own service account, unless a file or context is named or there is none.

        Raises:
            InputError: there is no usable configuration.
        """
        missing = ""
        if kubeconfig is None and context is None and IN_CLUSTER in os.environ:
            try:
                return cls(await _in_cluster(account), lambda: _in_cluster(account), age=_TOKEN_AGE)
            except (config.ConfigException, OSError) as error:
                missing = f"the pod's service account: {error}; "
        try:
            return cls(await _from_file(kubeconfig, context), lambda: _from_file(kubeconfig, context))
        except (config.ConfigException, OSError, ValueError) as error:
            raise InputError(f"no way to a cluster: {missing}{error}") from error

    async def authorization(self) -> str:
        """Give the header that says who asks; empty: a client certificate does, or nobody."""
        if self._clock() - self._loaded >= self._age:
            await self.renew(self._header)
        return self._header

    async def renew(self, refused: str) -> bool:
        """Read the token again, unless that has happened since `refused` was given out; whether there is another.

        What cannot be read leaves the old one in use.
        """
        async with self._lock:
            if self._header == refused:
                self._loaded = self._clock()
                try:
                    loaded = await self._load()
                except (config.ConfigException, OSError, ValueError):
                    return False
                self.configuration.api_key = loaded.api_key
        return self._header != refused

    @property
    def _header(self) -> str:
        return str(self.configuration.api_key.get(_TOKEN, "")).strip()


async def _in_cluster(account: Path) -> Any:
    def load() -> Any:
        configuration = Configuration()
        loader = InClusterConfigLoader(str(account / "token"), str(account / "ca.crt"), try_refresh_token=False)
        loader.load_and_set(configuration)
        return configuration

    return _without_environment(await asyncio.to_thread(load))


async def _from_file(kubeconfig: Path | None, context: str | None) -> Any:
    """Load a kubeconfig.

    Raises:
        ConfigException: it does not say how to reach an API server.
        OSError: it cannot be read.
        ValueError: it is no YAML.
    """
    files = str(kubeconfig or kubeconfig_in_force())
    # Asked first, because the library tells it on standard error, and then fails by a nameless error.
    if not await asyncio.to_thread(_any_exists, files):
        raise config.ConfigException(f"there is no file {files}")
    configuration = Configuration()
    loading = config.load_kube_config(
        config_file=files, context=context, client_configuration=configuration, persist_config=False
    )
    await asyncio.to_thread(asyncio.run, loading)
    _without_environment(configuration)
    if configuration.proxy is None:
        configuration.proxy = _proxy_of(configuration.host)
    return configuration


def _any_exists(files: str) -> bool:
    return any(Path(file).expanduser().exists() for file in files.split(os.pathsep) if file)


def _without_environment(configuration: Any) -> Any:
    """Keep the library from proxies and passwords that it would take from the environment for any host."""
    configuration.client_session_kwargs = {"trust_env": False}
    return configuration


def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an API server; this machine needs none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(parts.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
