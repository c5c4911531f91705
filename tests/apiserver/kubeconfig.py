"""Files that lead clients to the API server of the tests, as a user has them."""

import json
from pathlib import Path

from tests.apiserver.control_plane import ADMIN, ControlPlane


def write_kubeconfig(
    plane: ControlPlane, file: Path, *, user: str = ADMIN, namespace: str = "", server: str = ""
) -> Path:
    """Write a kubeconfig with one context, named `tests`.

    Args:
        plane: whose API server.
        file: where it is written.
        user: as whom clients speak.
        namespace: the context's; empty: none.
        server: another address.
    """
    context = {"cluster": "tests", "user": user, **({"namespace": namespace} if namespace else {})}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": context}],
        "clusters": [
            {
                "name": "tests",
                "cluster": {"server": server or plane.url, "certificate-authority": str(plane.certificate)},
            }
        ],
        "users": [{"name": user, "user": {"token": plane.token(user)}}],
    }
    file.write_text(json.dumps(content))
    return file
