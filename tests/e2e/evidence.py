"""What is kept of a failure: objects, descriptions, Events and logs, as files."""

import re
from pathlib import Path
from typing import Final

from tests.e2e.commands import CommandError, run
from tests.e2e.kubernetes import OPERATOR, Namespace

_OURS: Final = "app.kubernetes.io/managed-by=lateen"
_OBJECTS: Final = (
    "gateways.networking.istio.io,virtualservices.networking.istio.io,destinationrules.networking.istio.io,"
    "deployments,services,configmaps,endpointslices,leases,poddisruptionbudgets"
)


def collect(directory: Path) -> None:
    """Write everything that may tell why something failed; what cannot be had is left out."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, command in {
        "objects.yaml": ("get", _OBJECTS, "--all-namespaces", "-o", "yaml"),
        "pods.txt": ("get", "pods", "--all-namespaces", "-o", "wide"),
        "pods-described.txt": ("describe", "pods", "--all-namespaces"),
        "events.txt": ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"),
        "istio-objects-described.txt": ("describe", _OBJECTS.split(",deployments")[0], "--all-namespaces"),
    }.items():
        _write(directory / name, "kubectl", *command)
    _logs(directory, Namespace(OPERATOR), "app.kubernetes.io/name=lateen")
    for namespace in _namespaces_of_proxies():
        _logs(directory, Namespace(namespace), _OURS)


def _namespaces_of_proxies() -> set[str]:
    try:
        return set(
            run("kubectl", "get", "pods", "-A", "-l", _OURS, "-o", "jsonpath={.items[*].metadata.namespace}").split()
        )
    except CommandError:
        return set()


def _logs(directory: Path, namespace: Namespace, labels: str) -> None:
    try:
        pods = namespace.names("pods", labels)
    except CommandError:
        return
    for pod in pods:
        name = re.sub(r"[^\w.-]", "_", f"{namespace.name}-{pod}")
        command = ("kubectl", "--namespace", namespace.name, "logs", pod, "--all-containers", "--timestamps")
        _write(directory / f"{name}.log", *command)
        _write(directory / f"{name}-previous.log", *command, "--previous")


def _write(path: Path, *command: str) -> None:
    try:
        text = run(*command)
    except CommandError as error:
        text = str(error)
        if "previous" in path.name:
            return
    path.write_text(text)
