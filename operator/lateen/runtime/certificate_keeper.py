"""Everything about certificates in a cluster: the shared authority, this replica's, the proxies'.

every replica   Secret `lateen-ca` ──► AuthorityKeeper ──► ServingCertificate ──► gRPC, webhook
the leader                               ▲ rotation  └──► ClientCertificates ──► Secret of each class
                                         └───── once all of them hold the bundle ──────┘
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from lateen.certificates.authority import Lifetimes
from lateen.certificates.identity import operator_identity
from lateen.infra.naming import labels_of, operator_labels, secret_name
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient
from lateen.runtime.alarm import Alarm
from lateen.runtime.authority_keeper import AuthorityKeeper
from lateen.runtime.client_certificates import ClientCertificates, Wish
from lateen.runtime.leadership import Leadership
from lateen.runtime.serving_certificate import ServingCertificate
from lateen.settings import AUTHORITY_SECRET
from lateen.xds.transport import Security

SPREAD_SECONDS: Final = 180.0
"""How long a Secret may take to the pods that mount it: a kubelet looks once a minute, and caches for another."""

_ROUND_SECONDS: Final = 30.0
_FIRST_PAUSE: Final = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateSettings:
    """Names and times."""

    namespace: str
    """The operator's."""
    hosts: tuple[str, ...]
    """Host names under which proxies and other replicas reach this one."""
    trust_domain: str = "cluster.local"
    """First part of all identities."""
    secret: str = AUTHORITY_SECRET
    """The Secret that holds the authority."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    """How long certificates last."""


class CertificateKeeper:
    """Issues and renews. `start`, then `run` in a task of its own."""

    def __init__(
        self,
        client: KubeClient,
        leadership: Leadership,
        settings: CertificateSettings,
        *,
        writer: KubeClient | None = None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            client: the API server.
            leadership: whether this instance may move rotations on and write proxies' certificates.
            settings: names and times.
            writer: the same, for what the leader alone writes; None: no difference.
            clock: seconds since 1970, as other machines know them.
            chance: from 0 to 1; spreads renewals.
            sleep: waits.
        """
        self._leadership = leadership
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._sleep = sleep
        lifetimes = settings.lifetimes
        self.authority = AuthorityKeeper(
            client, settings.namespace, settings.secret, lifetimes, writer=writer, clock=clock, sleep=sleep
        )
        ours = operator_labels(settings.namespace)
        self._clients = ClientCertificates(
            writer or client, settings.trust_domain, lifetimes, ours=ours, clock=clock, chance=chance
        )
        self._alarm = Alarm(sleep)
        self._new_serving: asyncio.Queue[ServingCertificate] = asyncio.Queue()

    async def start(self) -> None:
        """Read the authority, or make it.

        Raises:
            InputError: its Secret cannot be used, or not be read.
        """
        await self.authority.start()

    def security(self) -> Security:
        """Issue this replica's certificate, for proxies and for other replicas; call it once, after `start`."""
        settings = self._settings
        identity = operator_identity(settings.namespace, settings.trust_domain)
        own = self.issue_server(settings.hosts, uris=[identity])
        return Security(lambda: own.bearer, settings.trust_domain, settings.namespace)

    def issue_server(self, dns_names: Sequence[str], *, uris: Sequence[str] = ()) -> ServingCertificate:
        """Issue a certificate for some host names, after `start`, and renew it as long as `run` runs."""
        certificate = ServingCertificate(
            self.authority,
            self._settings.lifetimes,
            dns_names=dns_names,
            uris=uris,
            clock=self._clock,
            chance=self._chance,
            sleep=self._sleep,
        )
        self._new_serving.put_nowait(certificate)
        return certificate

    async def ensure(self, proxy: ProxyId) -> None:
        """Have the Secret that the pods of a class mount, and keep its certificate good as long as this leads.

        Raises:
            ApiError: it cannot be read or written; it is tried again.
            ForeignObjectError: it is somebody else's.
        """
        await self._clients.ensure(proxy, self._wish(proxy), self.authority.state)

    async def remove(self, proxy: ProxyId) -> None:
        """Delete that Secret, unless it is somebody else's.

        Raises:
            ApiError: it cannot be read or deleted.
        """
        await self._clients.remove(proxy, self._wish(proxy))

    def _wish(self, proxy: ProxyId) -> Wish:
        return Wish(proxy.namespace, secret_name(proxy), labels_of(proxy, self._settings.namespace))

    async def run(self) -> None:
        """Follow, renew and, if leading, write, until cancelled."""
        end = self.authority.subscribe(self._alarm.ring)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.authority.follow(), name="follow the authority")
                tasks.create_task(self._lead(), name="keep the proxies' certificates")
                while True:
                    certificate = await self._new_serving.get()
                    tasks.create_task(certificate.run(), name="renew a certificate of this replica")
        finally:
            end()

    async def _lead(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            if not self._leadership.leading:
                self._clients.distrust()
                await self._leadership.wait_until(leading=True)
            good = await self._tend()
            pause = _FIRST_PAUSE if good else min(2 * pause, _ROUND_SECONDS)
            await self._alarm.pause(_ROUND_SECONDS if good else pause)

    async def _tend(self) -> bool:
        """Do one round; False: something failed, and is to be tried again soon."""
        known = self._clients.known_for(self.authority.state.bundle) >= SPREAD_SECONDS
        advanced = True
        try:
            await self.authority.advance(known=known)
        except ApiError as error:
            _log.warning("authority cannot be written", error=str(error))
            advanced = False
        return await self._clients.tend(self.authority.state) and advanced
