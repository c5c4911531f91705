"""The authority that all replicas share, kept in a Secret of the operator's namespace.

The Secret is the truth: whoever starts first makes it, everybody follows it, and the leader
alone moves a rotation on. A Secret that cannot be read is never overwritten: what was read
before stays in force, and the log says what is wrong until somebody repairs it, or deletes it,
which makes a new authority.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from lateen.certificates.authority import Lifetimes, create_authority
from lateen.certificates.certificate import CertificateError, KeyPair
from lateen.certificates.rotation import AuthorityState, advance
from lateen.certificates.stored import decode_authority, encode_authority
from lateen.errors import InputError
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind

ROTATE: Final = "lateen.io/rotate"
"""Annotation of the Secret, with any value: begin a rotation now. Removed when it has begun."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries to read the Secret."""

_LABELS: Final = {"app.kubernetes.io/managed-by": "lateen"}
_SECRET: Final = RESOURCES[Kind.SECRET]

_log = structlog.get_logger(__name__)


class AuthorityKeeper:
    """Knows the authority of the moment, and tells when it changes."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        name: str,
        lifetimes: Lifetimes,
        *,
        writer: KubeClient | None = None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """Know nothing yet; `start` reads.

        Args:
            client: the API server.
            namespace: the operator's.
            name: the Secret's.
            lifetimes: how long authorities last.
            writer: the same API server, for what the leader alone writes; None: no difference.
            clock: seconds since 1970.
            sleep: waits between two tries.
        """
        self._client = client
        self._writer = writer or client
        self._namespace = namespace
        self._name = name
        self._lifetimes = lifetimes
        self._clock = clock
        self._sleep = sleep
        self._state: AuthorityState | None = None
        self._secret: dict[str, Any] = {}
        self._listeners: list[Callable[[], None]] = []

    @property
    def state(self) -> AuthorityState:
        """Who signs and who is trusted, once `start` has returned."""
        if self._state is None:
            raise RuntimeError("the authority has not been read yet")
        return self._state

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Hear of every change of the Secret. Returns what ends the subscription."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def start(self) -> None:
        """Read the authority, or make it; again until the API server answers.

        Raises:
            InputError: the Secret holds something that cannot be used, or must not be read.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                await self._settle()
            except CertificateError as error:
                raise InputError(f"{self._broken(error)}; repair it, or delete it for a new authority") from error
            except ApiError as error:
                if not error.is_transient:
                    raise InputError(f"Secret {self._namespace}/{self._name}: {error}") from error
                _log.warning("authority cannot be read yet", error=str(error))
            else:
                return
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def follow(self) -> None:
        """Follow the Secret until cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                version = await self._settle()
                pause = FIRST_PAUSE
                await self._watch(version)
            except CertificateError as error:
                _log.error("authority is unreadable; the last good one stays", reason=self._broken(error))
            except ApiError as error:
                if not error.is_expired:
                    _log.warning("authority cannot be followed", error=str(error))
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def advance(self, *, known: bool) -> None:
        """Take the steps of a rotation that are due; for the leader.

        Args:
            known: whether everybody has been given the present bundle.

        Raises:
            ApiError: the Secret cannot be written. A Secret that somebody else has just written is no error.
        """
        wanted = ROTATE in self._secret["metadata"].get("annotations", {})
        state = advance(self.state, self._clock(), self._lifetimes, self._create, known=known, wanted=wanted)
        if state is self.state and not wanted:
            return
        try:
            self._take(await self._writer.replace(_SECRET, self._manifest(state, self._secret)))
        except ApiError as error:
            if not error.is_conflict and not error.is_missing:
                raise
            return  # what the other one wrote comes by the watch

    async def _settle(self) -> str:
        """Take what the Secret holds, and fill it if it is empty; return the version to follow it from."""
        while True:
            found, version = await self._client.list(_SECRET, self._namespace, fieldSelector=self._selector)
            secret = found[0] if found else None
            if secret is not None and secret.get("data"):
                self._take(secret)
                return version
            await self._make(secret)

    async def _make(self, empty: dict[str, Any] | None) -> None:
        """Write a new authority where none is; somebody else may be faster."""
        manifest = self._manifest(AuthorityState(self._create()), empty or {})
        try:
            if empty is None:
                await self._client.create(_SECRET, manifest)
            else:
                await self._client.replace(_SECRET, manifest)
        except ApiError as error:
            if not error.is_conflict:
                raise
        else:
            _log.info("authority made", secret=f"{self._namespace}/{self._name}")

    async def _watch(self, version: str) -> None:
        changes = self._client.watch(_SECRET, self._namespace, version=version, fieldSelector=self._selector)
        async for change, secret in changes:
            if change == "DELETED" or (change != "BOOKMARK" and not secret.get("data")):
                return
            if change != "BOOKMARK":
                self._take(secret)

    def _take(self, secret: dict[str, Any]) -> None:
        """Go by a Secret that was read or written.

        Raises:
            CertificateError: it cannot be used.
        """
        state = decode_authority(secret.get("data"))
        if state is None:
            raise CertificateError("it is empty")
        if secret["metadata"]["resourceVersion"] == self._secret.get("metadata", {}).get("resourceVersion"):
            return
        self._secret = secret
        if state != self._state:
            self._state = state
            _log.info(
                "authority changed",
                signer=state.signer.certificate.fingerprint[:12],
                trusted=[each.fingerprint[:12] for each in state.trusted],
            )
        for listener in tuple(self._listeners):
            listener()

    def _create(self) -> KeyPair:
        return create_authority(self._clock(), self._lifetimes.authority)

    def _manifest(self, state: AuthorityState, secret: Mapping[str, Any]) -> dict[str, Any]:
        """Write a state into a Secret as it was; everything that others wrote about it stays."""
        metadata = dict(secret.get("metadata", {}))
        metadata.pop("managedFields", None)
        annotations = {name: text for name, text in metadata.get("annotations", {}).items() if name != ROTATE}
        metadata |= {
            "name": self._name,
            "namespace": self._namespace,
            "labels": {**metadata.get("labels", {}), **_LABELS},
            "annotations": annotations,
        }
        return {
            "apiVersion": _SECRET.api_version,
            "kind": _SECRET.kind,
            "type": secret.get("type", "Opaque"),
            "metadata": metadata,
            "data": encode_authority(state),
        }

    @property
    def _selector(self) -> str:
        return f"metadata.name={self._name}"

    def _broken(self, error: CertificateError) -> str:
        return f"Secret {self._namespace}/{self._name}: {error}"
