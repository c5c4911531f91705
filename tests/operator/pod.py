"""A pod without a kubelet: Envoy on this machine, with the files that a pod would have mounted."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import wait_until
from tests.operator.world import PROXIES
from tests.ports import free_ports

from lateen.infra.binary import find_envoy
from lateen.infra.pods import ADMIN_PORT, BOOTSTRAP, CONFIG_FOLDER, STATUS_PORT, TLS_FOLDER

_READY: Final = 200
_GRACE: Final = 10.0


class Pod:
    """One Envoy of the class `istio=ingressgateway` of a namespace; also a context manager."""

    def __init__(self, api: ApiClient, namespace: str, folder: Path, xds_port: int, *, name: str = "pod-0") -> None:
        """Prepare; nothing runs yet.

        Args:
            api: where ConfigMap and Secret are; administrator.
            namespace: the class's.
            folder: where files go.
            xds_port: of the operator, on loopback; the name in its certificate stays.
            name: of the pod.
        """
        self.name = name
        self.admin_port, self.status_port = free_ports(2)
        self.folder = folder / name
        self._api = api
        self._namespace = namespace
        self._xds_port = xds_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running Envoy."""
        if self._process is None:
            raise RuntimeError("the pod does not run")
        return self._process.pid

    def begin(self) -> Self:
        """Wait until its files are at the API server, mount them, start Envoy, and do not wait for it."""
        self._mount()
        command = [find_envoy(None, os.environ), "-c", self.folder / "config" / BOOTSTRAP]
        options = ["--service-node", self.name, "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning"]
        log = self.folder / "envoy.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [*map(str, command), *options, "--drain-time-s", "1", "--parent-shutdown-time-s", "2"],
                stdout=out,
                stderr=out,
            )
        return self

    def start(self) -> Self:
        """Start it, and wait until it is ready."""
        self.begin()
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Wait until it has its configuration."""
        wait_until(lambda: httpx.get(f"http://127.0.0.1:{self.status_port}/ready").status_code == _READY)

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def stats(self, pattern: str) -> Mapping[str, int]:
        """Its statistics whose names match a regular expression."""
        query = {"filter": pattern, "format": "json"}
        found = httpx.get(f"http://127.0.0.1:{self.admin_port}/stats", params=query).json()["stats"]
        return {each["name"]: each["value"] for each in found if "name" in each}

    def __enter__(self) -> Self:
        """Start, and end what has started when that fails."""
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exception: object) -> None:
        """End it."""
        self.stop()

    def _mount(self) -> None:
        config, tls = self.folder / "config", self.folder / "tls"
        for each in (config, tls):
            each.mkdir(parents=True, exist_ok=True)
        texts = self._data("configmaps", PROXIES)
        for file, text in texts.items():
            (config / file).write_text(self._fit(text, config, tls))
        for file, content in self._data("secrets", f"{PROXIES}-xds").items():
            (tls / file).write_bytes(base64.b64decode(content))

    def _data(self, collection: str, name: str) -> Mapping[str, str]:
        url = f"/api/v1/namespaces/{self._namespace}/{collection}/{name}"
        wait_until(lambda: self._api.http.get(url).is_success)
        data: Mapping[str, str] = self._api.http.get(url).json()["data"]
        return data

    def _fit(self, text: str, config: Path, tls: Path) -> str:
        """Turn paths, ports and the control plane's address into those of this machine."""
        text = text.replace(CONFIG_FOLDER, str(config)).replace(TLS_FOLDER, str(tls))
        if not text.lstrip().startswith("{"):
            return text
        return json.dumps(self._fit_value(json.loads(text)))

    def _fit_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fit_value(each) for each in value]
        if not isinstance(value, dict):
            return value
        address, port = value.get("address"), value.get("port_value")
        if isinstance(port, int) and isinstance(address, str):
            if address.startswith("lateen-xds."):
                return {"address": "127.0.0.1", "port_value": self._xds_port}
            own = {ADMIN_PORT: self.admin_port, STATUS_PORT: self.status_port}
            return {**value, "port_value": own.get(port, port)}
        return {name: self._fit_value(each) for name, each in value.items()}
