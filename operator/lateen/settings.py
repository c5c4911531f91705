"""Everything that can be set, with its default. Values are given once, at the start."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How Envoys are run on this machine."""

    binary: Path | None = None
    """The Envoy to run; None: the one that is installed with `lateen[envoy]`, or on the PATH."""

    concurrency: int = 2
    """Worker threads of each Envoy."""

    drain_seconds: float = 5.0
    """How long a proxy that is stopped waits for its connections to end."""

    log_level: str = "warning"
    """Envoy's own log level."""


@dataclass(frozen=True, slots=True)
class UpSettings:
    """Settings of `lateen up`."""

    paths: tuple[Path, ...]
    """Directories and files to read and to follow."""

    name: str = "default"
    """Name of the instance: `lateen status` and `lateen dump` find it by this."""

    namespace: str = "default"
    """Namespace of objects that name none."""

    bind: str = "127.0.0.1"
    """Address that Gateways without `bind` listen on."""

    port_shift: int = 10_000
    """Added to Gateway ports under 1024, which need privileges; 0 binds them as they are."""

    mesh_port: int = 0
    """Port of the outbound proxy for service-to-service traffic; 0: none."""

    trust_file: str = ""
    """Authorities (PEM) that services are checked against where no DestinationRule names any; empty: Debian's."""

    strict: bool = False
    """Refuse objects with unknown fields instead of warning about them."""

    proxy: ProxySettings = field(default_factory=ProxySettings)
    """How Envoys are run."""
