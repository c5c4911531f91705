"""The webhook of one replica: served by each, made known to the API server by the leader.

Nothing that goes wrong with it stops anything else: who is not asked does not refuse.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from lateen.errors import LateenError
from lateen.kube.client import KubeClient
from lateen.runtime.alarm import Alarm
from lateen.runtime.leadership import Leadership
from lateen.settings import WebhookSettings
from lateen.sockets import EVERYWHERE
from lateen.validation.intake import Intake
from lateen.webhook.registration import ensure_trust
from lateen.webhook.server import ServedCertificate, build_webhook, serving_webhook

_ROUND: Final = 60.0
"""Seconds between two looks at the configuration, which others may change."""

_PAUSE: Final = 5.0
"""Seconds before what failed is tried again."""

_log = structlog.get_logger(__name__)


class WebhookKeeper:
    """Serves, and keeps the API server's trust right."""

    def __init__(
        self,
        client: KubeClient,
        leadership: Leadership,
        settings: WebhookSettings,
        intake: Intake,
        certificate: ServedCertificate,
        *,
        host: str = EVERYWHERE,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing listens before `run`.

        Args:
            client: the API server.
            leadership: whether this replica writes the configuration.
            settings: port, and the configuration's name.
            intake: the door, as strict as the operator's own.
            certificate: for the host name of the webhook's Service: `CertificateKeeper.issue_server`.
            host: address to listen on.
            sleep: waits.
        """
        self._client = client
        self._leadership = leadership
        self._settings = settings
        self._app = build_webhook(intake)
        self._certificate = certificate
        self._host = host
        self._sleep = sleep
        self._alarm = Alarm(sleep)
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Where it listens, once it does."""

    async def run(self) -> None:
        """Serve, and lead, until cancelled."""
        end = self._certificate.subscribe(self._alarm.ring)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._serve(), name="serve the webhook")
                tasks.create_task(self._lead(), name="register the webhook")
        finally:
            end()

    async def _serve(self) -> None:
        while True:
            try:
                settings = self._settings
                async with serving_webhook(self._app, self._certificate, self._host, settings.port) as port:
                    if not self.port.done():
                        self.port.set_result(port)
                    await asyncio.Event().wait()
            except (LateenError, OSError) as error:
                _log.warning("the webhook cannot be served", reason=str(error))
                await self._sleep(_PAUSE)

    async def _lead(self) -> None:
        while True:
            await self._leadership.wait_until(leading=True)
            await self._alarm.pause(_ROUND if await self._register() else _PAUSE)

    async def _register(self) -> bool:
        name = self._settings.configuration
        try:
            found = await ensure_trust(self._client, name, self._certificate.bearer.trusted)
        except LateenError as error:
            _log.warning("the webhook cannot be made known", configuration=name, reason=str(error))
            return False
        if not found:
            _log.warning("the webhook is asked by nobody: there is no such configuration", configuration=name)
        return True
