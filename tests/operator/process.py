"""An operator as a process of its own, that can be ended like a pod or killed like a node."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx
from tests.apiserver.control_plane import wait_until
from tests.ports import free_ports

_GRACE: Final = 30.0
_LOG_END: Final = 6000


class OperatorError(RuntimeError):
    """It did not get ready; carries the end of its log."""


class OperatorProcess:
    """One replica; also a context manager. Started again it has the same ports, and proxies find it."""

    def __init__(self, kubeconfig: Path, folder: Path, name: str = "operator-0", **settings: Any) -> None:
        """Prepare; nothing runs yet.

        Args:
            kubeconfig: the cluster.
            folder: where settings and log go.
            name: of its pod.
            settings: more than ports, as in its file.
        """
        self.xds_port, self.health_port, self.control_port = free_ports(3)
        self.log = folder / f"{name}.log"
        self._config = folder / f"{name}.yaml"
        self._config.write_text(json.dumps({**self._ports(), **settings}))
        self._kubeconfig = kubeconfig
        self._environment = {**os.environ, "POD_NAME": name, "POD_IPS": "127.0.0.1"}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise OperatorError("it does not run")
        return self._process.pid

    @property
    def arguments(self) -> list[str]:
        """What it is called with."""
        return ["operator", "--config", str(self._config), "--kubeconfig", str(self._kubeconfig)]

    def begin(self) -> Self:
        """Start it, and do not wait."""
        command = [sys.executable, "-m", "lateen", *self.arguments]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out, env=self._environment)  # noqa: S603 - ours
        return self

    def start(self) -> Self:
        """Start it, and wait until it serves."""
        self.begin()
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Wait until it serves.

        Raises:
            OperatorError: it ended, or does not get ready.
        """

        def ready() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise OperatorError(self.log_end())
            return httpx.get(f"http://127.0.0.1:{self.health_port}/readyz").is_success

        try:
            wait_until(ready)
        except TimeoutError:
            raise OperatorError(self.log_end()) from None

    def metrics(self) -> str:
        """What it tells Prometheus."""
        return httpx.get(f"http://127.0.0.1:{self.health_port}/metrics").text

    def end(self) -> None:
        """Let it end as a pod does."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it without any grace: its Lease stays behind."""
        self._send(signal.SIGKILL)

    def log_end(self) -> str:
        """The last lines that it logged."""
        return self.log.read_text(errors="replace")[-_LOG_END:]

    def __enter__(self) -> Self:
        """Start, and end what has started when that fails."""
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, *exception: object) -> None:
        """End it."""
        self.end()

    def _send(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _ports(self) -> Mapping[str, int]:
        return {"xdsPort": self.xds_port, "healthPort": self.health_port, "controlPort": self.control_port}
