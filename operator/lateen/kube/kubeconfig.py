"""What a kubeconfig says besides how to reach its cluster."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from kubernetes.aio import config

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its service account."""

IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"
"""Variable that every container of a pod has."""

_DEFAULT: Final = "default"


def default_namespace(kubeconfig: Path | None = None, context: str | None = None, account: Path = ACCOUNT) -> str:
    """Name the namespace that is meant where none is named: the pod's own, or the context's.

    The same is looked at as by `Access.find`; what is wrong with it, that one tells.
    """
    if kubeconfig is None and context is None and IN_CLUSTER in os.environ:
        with suppress(OSError):
            return (account / "namespace").read_text().strip()
    try:
        contexts, current = _contexts(kubeconfig)
    except (config.ConfigException, OSError):
        return _DEFAULT
    named = next((each for each in contexts if each["name"] == context), None) if context else current
    inner = (named or {}).get("context") or {}
    return str(inner.get("namespace") or _DEFAULT)


def current_context(kubeconfig: Path | None = None) -> str:
    """Name the current context; empty where there is none."""
    try:
        return str(_contexts(kubeconfig)[1]["name"])
    except (config.ConfigException, OSError, TypeError):
        return ""


def _contexts(kubeconfig: Path | None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """List all contexts, and the current one."""
    contexts, current = config.list_kube_config_contexts(str(kubeconfig or kubeconfig_in_force()))
    return list(contexts), current


def kubeconfig_in_force() -> str:
    """Name the file that counts where none is named, or several with colons between them."""
    return os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
