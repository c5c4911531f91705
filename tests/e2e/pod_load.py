"""The same load from a pod: for proxies that are reached from within the cluster only."""

import json
from collections.abc import Mapping
from textwrap import indent
from typing import Any, Self

from tests.e2e.commands import eventually
from tests.e2e.kubernetes import Namespace
from tests.e2e.scene import IMAGE
from tests.e2e.traffic import LOAD


class PodLoad:
    """Requests go on while the block lasts: `load.py` in a pod."""

    def __init__(self, namespace: Namespace, address: str, host: str, *, rate: float = 40.0) -> None:
        """Prepare it: `address` is HOST:PORT."""
        self.failures: list[Mapping[str, Any]] = []
        self.summary: Mapping[str, Any] = {}
        self._namespace = namespace
        arguments = ["python3", "/load/load.py", address, "--host", host, "--rate", str(rate), "--seconds", "240"]
        self._manifest = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: load}}
data:
  load.py: |
{indent(LOAD.read_text(), "    ")}
---
apiVersion: v1
kind: Pod
metadata: {{name: load}}
spec:
  restartPolicy: Never
  containers:
    - name: load
      image: {IMAGE}
      command: {json.dumps(arguments)}
      volumeMounts: [{{name: load, mountPath: /load}}]
  volumes: [{{name: load, configMap: {{name: load}}}}]
"""

    def __enter__(self) -> Self:
        """Start, and wait until every worker has an answer."""
        self._namespace.delete("pod/load")
        self._namespace.apply(self._manifest)
        eventually(lambda: '"running"' in self._namespace.kubectl("logs", "load"), what="a load runs in a pod")
        return self

    def __exit__(self, *raised: object) -> None:
        """End it, and read what came of it."""
        self._namespace.kubectl("exec", "load", "--", "python3", "-c", "import os; os.kill(1, 15)")
        eventually(
            lambda: self._namespace.get("pod", "load")["status"]["phase"] in {"Succeeded", "Failed"},
            what="the load has ended",
        )
        *lines, summary = map(json.loads, self._namespace.kubectl("logs", "load").splitlines())
        self.failures = [line for line in lines if "running" not in line]
        self.summary = summary
        self._namespace.delete("pod/load", "configmap/load")

    def assert_nothing_failed(self) -> None:
        """Fail with every failure's time and words."""
        told = "\n".join(json.dumps(failure) for failure in self.failures[:40])
        assert self.summary["requests"] > 0
        assert not self.failures, f"{len(self.failures)} of {self.summary['requests']} requests failed:\n{told}"
