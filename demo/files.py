"""The directory that `lateen up` follows: two files of `examples/` as they are, and where the services run."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from demo.backends import Backend
from demo.stage import DemoError

EXAMPLES: Final = Path(__file__).parents[1] / "examples"

ROUTING: Final = "routing.yaml"
"""Gateway, VirtualService and DestinationRule of the public API."""
CANARY: Final = "canary.yaml"
"""VirtualService of the mesh: 90 % of the requests to v1, 10 % to v2, and those that ask for it to v2."""
SUBSETS: Final = "subsets.yaml"
SERVICES: Final = "services.yaml"
EJECTION: Final = "ejection.yaml"

_ORIGINALS: Final = {ROUTING: "api-gateway/routing.yaml", CANARY: "canary/user-service.yaml"}

_SUBSETS_TEXT: Final = """\
# What the canary calls v1 and v2.
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: user-service-subsets
spec:
  host: user-service
  subsets:
    - name: v1
      labels: {version: v1}
    - name: v2
      labels: {version: v2}
"""

_EJECTION_TEXT: Final = """\
# The example's 30 seconds, shortened: a demo should not last that long.
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: post-service
spec:
  host: post-service
  trafficPolicy:
    circuitBreaker:
      consecutiveErrors: 3
      interval: 1s
      baseEjectionTime: 3s
      maxEjectionPercent: 50
"""


class Directory:
    """Files of one demo."""

    def __init__(self, root: Path) -> None:
        """Make the directory `root/files`."""
        self.path = root / "files"
        self._spare = root / "written"
        self.path.mkdir()

    def write_all(self, users: Sequence[Backend], posts: Sequence[Backend]) -> None:
        """Write everything but the rule of the ejection."""
        for name, original in _ORIGINALS.items():
            shutil.copyfile(EXAMPLES / original, self.path / name)
        self.write(SUBSETS, _SUBSETS_TEXT)
        services = (_service("user-service", users), _service("post-service", posts))
        self.write(SERVICES, "# Where the services run on this machine.\n" + "---\n".join(services))

    def write_ejection(self) -> None:
        """Add the DestinationRule that ejects soon and briefly."""
        self.write(EJECTION, _EJECTION_TEXT)

    def read(self, name: str) -> str:
        """Give the text of a file."""
        return (self.path / name).read_text()

    def write(self, name: str, text: str) -> None:
        """Put a text in place of a file, at one moment."""
        self._spare.write_text(text)
        self._spare.replace(self.path / name)

    def replace(self, name: str, *edits: tuple[str, str]) -> None:
        """Edit a file: each first text, which must be there, becomes the second.

        Raises:
            DemoError: the file does not contain a text.
        """
        text = self.read(name)
        for before, after in edits:
            if before not in text:
                raise DemoError(f"{name} does not contain {before!r}")
            text = text.replace(before, after)
        self.write(name, text)


def _service(name: str, backends: Sequence[Backend]) -> str:
    endpoints = "".join(
        f"    - address: 127.0.0.1\n      ports: {{http: {backend.port}}}\n"
        + (f"      labels: {{version: {backend.version}}}\n" if backend.version else "")
        for backend in backends
    )
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: {name}
spec:
  hosts: [{name}.default.svc.cluster.local]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
    - {{number: 8080, name: http, protocol: HTTP}}
  endpoints:
{endpoints}"""
