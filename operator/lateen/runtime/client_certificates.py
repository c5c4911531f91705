"""The proxies' certificates: one Secret per class of proxies, written by the leader.

A Secret is read as a whole once, when this instance first looks after it, and again only after
somebody else has written it. In between its version is compared now and then, which reads no
data; one that was deleted is written again. One that somebody else has made is left alone.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from lateen.certificates.authority import Lifetimes, Usage, issue, renewal_time
from lateen.certificates.certificate import CertificateError
from lateen.certificates.identity import proxy_identity
from lateen.certificates.rotation import AuthorityState
from lateen.certificates.stored import Bearer, decode_bearer, encode_bearer, find_fault
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.ownership import ForeignObjectError, is_ours, require_ours
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

CHECK_SECONDS: Final = 30.0
"""How often a Secret's version is looked at, while they are few."""

_CHECKS_PER_SECOND: Final = 4.0
_SECRET: Final = RESOURCES[Kind.SECRET]

_log = structlog.get_logger(__name__)


class Wish(NamedTuple):
    """The Secret that one class of proxies mounts."""

    namespace: str
    name: str
    labels: Mapping[str, str]

    def __str__(self) -> str:
        """Print it for people."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class _Kept:
    """A Secret as it was seen last, and was good."""

    wish: Wish
    version: str
    bundle: bytes
    renew_at: float
    check_at: float


class ClientCertificates:
    """What is wanted, and what is known of what there is."""

    def __init__(
        self,
        client: KubeClient,
        trust_domain: str,
        lifetimes: Lifetimes,
        *,
        ours: Mapping[str, str],
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """Want none.

        Args:
            client: the API server.
            trust_domain: first part of identities.
            lifetimes: how long certificates last.
            ours: labels that all its Secrets have, and nobody else's.
            clock: seconds since 1970.
            chance: from 0 to 1; spreads renewals.
        """
        self._client = client
        self._trust_domain = trust_domain
        self._lifetimes = lifetimes
        self._ours = ours
        self._clock = clock
        self._chance = chance
        self._wishes: dict[ProxyId, Wish] = {}
        self._kept: dict[ProxyId, _Kept] = {}
        self._locks: dict[ProxyId, asyncio.Lock] = {}
        self._known: tuple[bytes, float] | None = None

    async def ensure(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        """Have a good Secret, and look after it from now on, whether or not that succeeds at once.

        Raises:
            ApiError: it cannot be read or written.
            ForeignObjectError: it is somebody else's.
        """
        self._wishes[proxy] = wish
        await self._tend_one(proxy, wish, state)

    async def remove(self, proxy: ProxyId, wish: Wish) -> None:
        """Look after a Secret no more, and delete it if it is ours.

        Raises:
            ApiError: it cannot be read or deleted.
        """
        async with self._lock(proxy):
            self._wishes.pop(proxy, None)
            self._kept.pop(proxy, None)
            found = await self._client.get(_SECRET, wish.namespace, wish.name, metadata_only=True)
            if found is not None and is_ours(found["metadata"], self._ours):
                await self._client.delete(_SECRET, wish.namespace, wish.name)
        self._locks.pop(proxy, None)

    def distrust(self) -> None:
        """Look after none: another leader may do that, or have removed them."""
        self._wishes.clear()
        self._kept.clear()
        self._known = None

    def known_for(self, bundle: bytes) -> float:
        """Tell for how many seconds every Secret has held these authorities; 0 while one does not."""
        if self._known is None or self._known[0] != bundle:
            return 0.0
        return self._clock() - self._known[1]

    async def tend(self, state: AuthorityState) -> bool:
        """Write what is due, and look at what has not been looked at for a while; False: something failed."""
        failed = False
        for proxy, wish in tuple(self._wishes.items()):
            try:
                await self._tend_one(proxy, wish, state)
            except (ApiError, ForeignObjectError) as error:
                # Proxies of a class whose Secret is not ours know no authority of ours: nobody waits for them.
                failed = failed or isinstance(error, ApiError)
                _log.warning(
                    "certificate of a proxy cannot be kept", proxy=str(proxy), secret=str(wish), error=str(error)
                )
        if failed:
            self._known = None
        elif self._known is None or self._known[0] != state.bundle:
            self._known = (state.bundle, self._clock())
        return not failed

    async def _tend_one(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        async with self._lock(proxy):
            if self._wishes.get(proxy) != wish:
                return
            try:
                await self._look_at(proxy, wish, state)
            except (ApiError, ForeignObjectError):
                self._kept.pop(proxy, None)
                raise

    async def _look_at(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        now, kept = self._clock(), self._kept.get(proxy)
        if kept is None:
            await self._read(proxy, wish, state)
            return
        due = kept.wish != wish or kept.bundle != state.bundle or now >= kept.renew_at
        if not due and now < kept.check_at:
            return
        found = await self._client.get(_SECRET, wish.namespace, wish.name, metadata_only=True)
        if found is None or found["metadata"]["resourceVersion"] != kept.version:
            await self._read(proxy, wish, state)
        elif due:  # what has not changed since it was written is ours
            await self._write(proxy, wish, state)
        else:
            kept.check_at = self._next_check()

    async def _read(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        """Go by what there is if it is good, else write."""
        found = await self._client.get(_SECRET, wish.namespace, wish.name)
        if found is not None:
            metadata = found["metadata"]
            require_ours(f"Secret {wish}", metadata, self._ours)
            try:
                bearer = decode_bearer(found.get("data"))
            except CertificateError as error:
                fault: str | None = str(error)
            else:
                fault = find_fault(bearer, state, proxy_identity(proxy, self._trust_domain), self._clock())
                if fault is None and not wish.labels.items() <= metadata.get("labels", {}).items():
                    fault = "its labels are not those of today"
                if fault is None:
                    self._keep(proxy, wish, bearer, metadata["resourceVersion"])
                    return
            _log.info("certificate of a proxy is issued again", proxy=str(proxy), because=fault)
        await self._write(proxy, wish, state)

    async def _write(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        pair = issue(
            state.signer,
            now=self._clock(),
            lifetime=self._lifetimes.leaf,
            usages=[Usage.CLIENT],
            uris=[proxy_identity(proxy, self._trust_domain)],
        )
        bearer = Bearer(pair, state.bundle)
        metadata = {"namespace": wish.namespace, "name": wish.name, "labels": dict(wish.labels)}
        manifest = {
            "apiVersion": _SECRET.api_version,
            "kind": _SECRET.kind,
            "type": "kubernetes.io/tls",
            "metadata": metadata,
            "data": encode_bearer(bearer),
        }
        written = await self._client.apply(_SECRET, manifest)
        self._keep(proxy, wish, bearer, written["metadata"]["resourceVersion"])
        _log.info("certificate of a proxy issued", proxy=str(proxy), secret=str(wish))

    def _keep(self, proxy: ProxyId, wish: Wish, bearer: Bearer, version: str) -> None:
        if self._wishes.get(proxy) == wish:  # else it was forgotten, or wanted otherwise, while this was under way
            renew_at = renewal_time(bearer.pair.certificate, self._chance())
            self._kept[proxy] = _Kept(wish, version, bearer.trusted, renew_at, self._next_check())

    def _lock(self, proxy: ProxyId) -> asyncio.Lock:
        return self._locks.setdefault(proxy, asyncio.Lock())

    def _next_check(self) -> float:
        return self._clock() + max(CHECK_SECONDS, len(self._wishes) / _CHECKS_PER_SECOND)
