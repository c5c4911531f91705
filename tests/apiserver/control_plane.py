"""A Kubernetes API server with its etcd on this machine, without nodes and controllers.

The binaries `etcd` and `kube-apiserver` lie in the directory that `KUBEBUILDER_ASSETS` names, as
for envtest. Everything listens on loopback, on ports that were free a moment before. The API
server can be killed and started again on the same port, with its objects still there.
"""

import json
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import httpx
from tests.apiserver.audit_log import AuditLog
from tests.apiserver.credentials import LOOPBACK, Credentials
from tests.ports import free_ports

ASSETS: Final = "KUBEBUILDER_ASSETS"
ADMIN: Final = "admin"
"""User who may do everything."""

_PATIENCE: Final = 90.0
"""Seconds for a process to get ready, on a busy machine."""

_POLL: Final = 0.05
_GRACE: Final = 10.0
_LOG_END: Final = 4000


def assets() -> Path | None:
    """Directory of the binaries; None when nobody says where it is."""
    named = os.environ.get(ASSETS)
    return Path(named) if named else None


class ControlPlane:
    """One etcd and one API server; also a context manager."""

    def __init__(
        self,
        binaries: Path,
        folder: Path,
        users: Mapping[str, Sequence[str]] | None = None,
        *,
        audited: Sequence[str] = (),
    ) -> None:
        """Prepare everything, start nothing.

        Args:
            binaries: directory with `etcd` and `kube-apiserver`.
            folder: where data, keys and logs go.
            users: further users with their groups; `admin` is always there.
            audited: users whose requests are written down in `audit`.
        """
        self.audit = AuditLog(folder, audited)
        self._binaries = binaries
        self._folder = folder
        self._etcd_port, self._port = free_ports(2)
        self._credentials = Credentials(folder, {ADMIN: ("system:masters",), **(users or {})})
        self._etcd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"https://{LOOPBACK}:{self._port}"

    @property
    def certificate(self) -> Path:
        """Certificate to trust, PEM."""
        return self._credentials.certificate

    def token(self, user: str = ADMIN) -> str:
        """Bearer token of a user."""
        return self._credentials.tokens[user]

    def client(self, user: str = ADMIN) -> httpx.Client:
        """HTTP client that speaks as this user."""
        headers = {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.Client(base_url=self.url, headers=headers, verify=self.trust(), timeout=30)

    def trust(self) -> ssl.SSLContext:
        """Trust this API server, and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def kubeconfig(self, folder: Path, user: str = ADMIN, *, namespace: str = "", server: str = "") -> Path:
        """Write a file by which clients find the API server and speak as this user.

        Args:
            folder: where.
            user: who.
            namespace: the context's; empty: it has none.
            server: another address of the API server.
        """
        context = {"cluster": "tests", "user": user, **({"namespace": namespace} if namespace else {})}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "contexts": [{"name": user, "context": context}],
            "clusters": [
                {
                    "name": "tests",
                    "cluster": {"server": server or self.url, "certificate-authority": str(self.certificate)},
                }
            ],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
        }
        file = folder / f"{user.replace(':', '-')}.kubeconfig"  # a colon parts files in $KUBECONFIG
        file.write_text(json.dumps(config))
        return file

    def start(self) -> Self:
        """Start both and wait until the API server serves."""
        self._etcd = self._run("etcd", self._etcd_flags())
        with httpx.Client(base_url=self._etcd_url) as client:
            self._wait_until_ready("etcd", self._etcd, client, "/health")
        self.start_server()
        return self

    def start_server(self) -> None:
        """Start the API server, again on the same port, and wait until it serves."""
        self._server = self._run("kube-apiserver", self._server_flags())
        with self.client() as client:
            self._wait_until_ready("kube-apiserver", self._server, client, "/readyz")

    def kill_server(self) -> None:
        """End the API server without any grace; etcd goes on."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def stop(self) -> None:
        """End both."""
        for process in (self._server, self._etcd):
            if process is not None:
                _end(process)
        self._server = self._etcd = None

    def __enter__(self) -> Self:
        """Start, and end what has started when that fails."""
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exception: object) -> None:
        """End both."""
        self.stop()

    @property
    def _etcd_url(self) -> str:
        return f"http://{LOOPBACK}:{self._etcd_port}"

    def _etcd_flags(self) -> dict[str, str]:
        return {
            "data-dir": str(self._folder / "etcd"),
            "listen-client-urls": self._etcd_url,
            "advertise-client-urls": self._etcd_url,
            "listen-peer-urls": f"http://{LOOPBACK}:0",
            "unsafe-no-fsync": "true",  # nothing here outlives the tests
            "log-level": "warn",
        }

    def _server_flags(self) -> dict[str, str]:
        credentials = self._credentials
        return {
            "etcd-servers": self._etcd_url,
            "bind-address": LOOPBACK,
            "advertise-address": LOOPBACK,
            "secure-port": str(self._port),
            "endpoint-reconciler-type": "none",  # a loopback address is no endpoint
            "cert-dir": str(self._folder),
            "tls-cert-file": str(credentials.certificate),
            "tls-private-key-file": str(credentials.key),
            "token-auth-file": str(credentials.users_file),
            "authorization-mode": "RBAC",
            "service-account-issuer": self.url,
            "service-account-key-file": str(credentials.accounts_key),
            "service-account-signing-key-file": str(credentials.accounts_key),
            "service-cluster-ip-range": "10.96.0.0/16",
            "disable-admission-plugins": "ServiceAccount",  # no controller makes the accounts
            "allow-privileged": "true",
            **self.audit.flags(),
        }

    def _run(self, program: str, flags: Mapping[str, str]) -> subprocess.Popen[bytes]:
        command = [str(self._binaries / program), *(f"--{name}={value}" for name, value in flags.items())]
        with self._log_of(program).open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)  # noqa: S603 - named by the user

    def _log_of(self, program: str) -> Path:
        return self._folder / f"{program}.log"

    def _wait_until_ready(
        self, program: str, process: subprocess.Popen[bytes], client: httpx.Client, path: str
    ) -> None:
        def ready() -> bool:
            if process.poll() is not None:
                raise ControlPlaneError(f"{program} ended with {process.returncode}: {self._log_end(program)}")
            return client.get(path).is_success

        try:
            wait_until(ready)
        except TimeoutError:
            raise ControlPlaneError(f"{program} did not get ready: {self._log_end(program)}") from None

    def _log_end(self, program: str) -> str:
        return self._log_of(program).read_text(errors="replace")[-_LOG_END:]


class ControlPlaneError(RuntimeError):
    """A process did not start; carries the end of its log."""


def wait_until(holds: Callable[[], bool], patience: float = _PATIENCE) -> None:
    """Ask again and again, for processes that report nothing by themselves; no connection counts as "not yet".

    Raises:
        TimeoutError: it does not hold after `patience` seconds.
    """
    end = time.monotonic() + patience
    pause = threading.Event()
    while time.monotonic() < end:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        pause.wait(_POLL)
    raise TimeoutError


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
