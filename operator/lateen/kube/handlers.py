"""What kopf is told to do: log in, and follow the kinds that are watched. It writes nothing.

Objects are taken from its session, before it sees them (`session`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import kopf

from lateen.kube.access import Access
from lateen.kube.resources import RESOURCES
from lateen.kube.session import open_session
from lateen.kube.sighting import Report
from lateen.kube.storages import NullDiffBase, NullProgress
from lateen.kube.watching import WATCHED, WatchSettings

_LONGEST_PAUSE: Final = 30.0
_DOUBLINGS: Final = 10
"""More would be none: a power of thousands is no number of seconds."""


def watch_settings(settings: WatchSettings) -> kopf.OperatorSettings:
    """Translate our settings into kopf's, and turn off all that would write."""
    given = kopf.OperatorSettings()
    given.posting.enabled = False
    given.peering.standalone = True
    given.watching.server_timeout = settings.reopen
    given.watching.connect_timeout = settings.connect_timeout
    given.watching.inactivity_timeout = settings.silence
    given.watching.reconnect_backoff = 0.1
    given.networking.request_timeout = settings.request_timeout
    given.networking.connect_timeout = settings.connect_timeout
    given.networking.error_backoffs = settings.backoffs
    given.queueing.exit_timeout = 0.5
    given.persistence.diffbase_storage = NullDiffBase()
    given.persistence.progress_storage = NullProgress()
    given.process.ultimate_exiting_timeout = None  # else kopf may kill the whole process
    return given


def build_registry(login: Callable[..., Awaitable[Any]]) -> kopf.OperatorRegistry:
    """List the handlers: `login`, and one per kind, so that kopf watches it."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(id="login", registry=registry)(login)
    for kind in WATCHED:
        resource = RESOURCES[kind]
        listen = kopf.on.event(resource.group, resource.version, resource.plural, id=kind.value, registry=registry)
        listen(_ignore)
    return registry


async def _ignore(**_: Any) -> None:
    """Nothing comes here: see above."""


def pause_before(logins: int) -> float:
    """Seconds before the token is read anew, after so many that the API server has not accepted."""
    # The first refusal is mostly a token that ran out, so the next one may come at once.
    return min(0.5 * 2 ** min(logins, _DOUBLINGS), _LONGEST_PAUSE) if logins > 1 else 0.0


class Login:
    """Opens a session at every call: at the start, and whenever the API server refused the token."""

    def __init__(self, put: Callable[[Report], None], kubeconfig: Path | None, context: str | None) -> None:
        """Log in as `KubeClient.connect` does; `put` hears what the session brings."""
        self._put = put
        self._kubeconfig = kubeconfig
        self._context = context
        self._again = 0
        self._session: aiohttp.ClientSession | None = None

    async def open(self, **_: Any) -> kopf.AiohttpSession:
        """Read the token anew and open a session with it; the oftener, the later."""
        await asyncio.sleep(pause_before(self._again))
        self._again += 1
        access = await Access.find(self._kubeconfig, self._context)
        self._session = await open_session(access, self._put)  # kopf closes the one before
        return kopf.AiohttpSession(server=access.configuration.host, aiohttp_session=self._session)

    async def close(self) -> None:
        """Close the session, if one is open."""
        if self._session is not None:
            await self._session.close()

    def confirm(self) -> None:
        """The API server has accepted the token."""
        self._again = 0
