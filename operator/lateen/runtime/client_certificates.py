"""The proxies' certificates: one Secret per class of proxies, written by the leader.

A Secret is read as a whole once, when this instance first looks after it, and again only after
somebody else has written it. In between its version is compared now and then, which reads no
data; one that was deleted is written again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import structlog

from lateen.certificates.authority import Lifetimes, Usage, issue, renewal_time
from lateen.certificates.certificate import CertificateError
from lateen.certificates.identity import proxy_identity
from lateen.certificates.rotation import AuthorityState
from lateen.certificates.stored import Bearer, decode_bearer, encode_bearer, find_fault
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient
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
    owner: Mapping[str, Any] | None
    """Reference to the object with which it disappears."""


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
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """Want none.

        Args:
            client: the API server.
            trust_domain: first part of identities.
            lifetimes: how long certificates last.
            clock: seconds since 1970.
            chance: from 0 to 1; spreads renewals.
        """
        self._client = client
        self._trust_domain = trust_domain
        self._lifetimes = lifetimes
        self._clock = clock
        self._chance = chance
        self._wishes: dict[ProxyId, Wish] = {}
        self._kept: dict[ProxyId, _Kept] = {}
        self._known: tuple[bytes, float] | None = None

    def want(self, proxy: ProxyId, wish: Wish) -> bool:
        """Look after a Secret from now on; False: that is done already."""
        news = self._wishes.get(proxy) != wish
        self._wishes[proxy] = wish
        return news

    def forget(self, proxy: ProxyId) -> None:
        """Look after it no more. It is not deleted."""
        self._wishes.pop(proxy, None)
        self._kept.pop(proxy, None)

    def distrust(self) -> None:
        """Read every Secret again: somebody else may have looked after them meanwhile."""
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
            except ApiError as error:
                failed = True
                self._kept.pop(proxy, None)
                _log.warning(
                    "certificate of a proxy cannot be kept",
                    proxy=str(proxy),
                    secret=f"{wish.namespace}/{wish.name}",
                    error=str(error),
                )
        if failed:
            self._known = None
        elif self._known is None or self._known[0] != state.bundle:
            self._known = (state.bundle, self._clock())
        return not failed

    async def _tend_one(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        now, kept = self._clock(), self._kept.get(proxy)
        if kept is None:
            await self._read(proxy, wish, state)
        elif kept.wish != wish or kept.bundle != state.bundle or now >= kept.renew_at:
            await self._write(proxy, wish, state)
        elif now >= kept.check_at:
            metadata = await self._client.get(_SECRET, wish.namespace, wish.name, metadata_only=True)
            if metadata is None or metadata["metadata"]["resourceVersion"] != kept.version:
                await self._read(proxy, wish, state)
            else:
                kept.check_at = self._next_check()

    async def _read(self, proxy: ProxyId, wish: Wish, state: AuthorityState) -> None:
        """Go by what there is if it is good, else write."""
        found = await self._client.get(_SECRET, wish.namespace, wish.name)
        if found is not None:
            metadata = found["metadata"]
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
        metadata: dict[str, Any] = {"namespace": wish.namespace, "name": wish.name, "labels": dict(wish.labels)}
        if wish.owner is not None:
            metadata["ownerReferences"] = [dict(wish.owner)]
        manifest = {
            "apiVersion": _SECRET.api_version,
            "kind": _SECRET.kind,
            "type": "kubernetes.io/tls",
            "metadata": metadata,
            "data": encode_bearer(bearer),
        }
        written = await self._client.apply(_SECRET, manifest)
        self._keep(proxy, wish, bearer, written["metadata"]["resourceVersion"])
        _log.info("certificate of a proxy issued", proxy=str(proxy), secret=f"{wish.namespace}/{wish.name}")

    def _keep(self, proxy: ProxyId, wish: Wish, bearer: Bearer, version: str) -> None:
        if self._wishes.get(proxy) == wish:  # else it was forgotten, or wanted otherwise, while this was under way
            renew_at = renewal_time(bearer.pair.certificate, self._chance())
            self._kept[proxy] = _Kept(wish, version, bearer.trusted, renew_at, self._next_check())

    def _next_check(self) -> float:
        return self._clock() + max(CHECK_SECONDS, len(self._wishes) / _CHECKS_PER_SECOND)
