"""The cluster that the test runs in: one of its own, made by kind, or the one of `$KUBECONFIG`."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import yaml
from tests.e2e.commands import ROOT, CommandError, run
from tests.e2e.kubernetes import Namespace
from tests.e2e.traffic import Door
from tests.ports import free_ports

TOOLS: Final = ("docker", "kind", "helm", "kubectl", "openssl", "curl")
KIND_CONFIG: Final = ROOT / "examples" / "kubernetes" / "kind.yaml"
HTTP: Final = 30080
HTTPS: Final = 30443
"""Ports of the nodes, as `examples/kubernetes/kind-values.yaml` has them."""

_HTTP_DOOR: Final = "LATEEN_E2E_HTTP"
_HTTPS_DOOR: Final = "LATEEN_E2E_HTTPS"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where proxies are reached from this machine."""

    http: Door
    https: Door

    @classmethod
    def from_environment(cls) -> Self | None:
        """Read what was written by `as_environment`, or set by hand; None: nothing is set."""
        texts = [os.environ.get(name, "") for name in (_HTTP_DOOR, _HTTPS_DOOR)]
        return cls(*map(_door, texts)) if all(texts) else None

    def as_environment(self) -> Mapping[str, str]:
        """Variables for the process that runs the tests."""
        return {_HTTP_DOOR: str(self.http), _HTTPS_DOOR: str(self.https)}


def find_doors() -> Doors:
    """Find out where the cluster of `$KUBECONFIG` is reached: by ports that kind maps, or at a node's address."""
    node, address = run(
        "kubectl",
        "get",
        "nodes",
        '-o=jsonpath={.items[0].metadata.name} {.items[0].status.addresses[?(@.type=="InternalIP")].address}',
    ).split(" ")
    try:
        return Doors(*(_door(run("docker", "port", node, f"{port}/tcp").split("\n")[0]) for port in (HTTP, HTTPS)))
    except CommandError:
        return Doors(Door(address, HTTP), Door(address, HTTPS))


def missing_tools() -> list[str]:
    """Name the programs that are needed, and not there."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def is_kind() -> bool:
    """Whether `$KUBECONFIG` leads to a cluster of kind."""
    return run("kubectl", "config", "current-context").startswith("kind-")


def write_config(directory: Path) -> Path:
    """Write kind's configuration with ports of this machine that nobody has."""
    config = yaml.safe_load(KIND_CONFIG.read_text())
    mappings = config["nodes"][0]["extraPortMappings"]
    for mapping, port in zip(mappings, free_ports(len(mappings)), strict=True):
        mapping["hostPort"] = port
    path = directory / "kind.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def host_ports(doors: Doors) -> Mapping[str, str]:
    """What pages call the proxies' ports, and where they are."""
    mappings = yaml.safe_load(KIND_CONFIG.read_text())["nodes"][0]["extraPortMappings"]
    named = {each["containerPort"]: f"{each['listenAddress']}:{each['hostPort']}" for each in mappings}
    return {named[HTTP]: str(doors.http), named[HTTPS]: str(doors.https)}


def kill(namespace: Namespace, pod: str) -> None:
    """End the program of a pod by SIGKILL, from its node; where that is not kind's, delete the pod by force."""
    found = namespace.get("pod", pod)
    container = found["status"]["containerStatuses"][0]["containerID"].partition("://")[2]
    command = ("ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", container)
    try:
        run("docker", "exec", found["spec"]["nodeName"], *command)
    except CommandError:
        namespace.kubectl("delete", "pod", pod, "--grace-period=0", "--force")


def _door(text: str) -> Door:
    found = re.fullmatch(r"(.+):(\d+)", text.strip())
    assert found, f"{text!r} is no HOST:PORT"
    return Door(found[1], int(found[2]))
