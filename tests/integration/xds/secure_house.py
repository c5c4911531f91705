"""An Envoy that reaches its server by mutual TLS, with certificates in files that change as a kubelet changes them."""

import itertools
import random
import time
from pathlib import Path
from typing import Any, Final

from tests.integration.xds.live_envoy import PROXY, House

from lateen.certificates.authority import DAY, Lifetimes, Usage, create_authority, issue
from lateen.certificates.identity import operator_identity, proxy_identity
from lateen.certificates.rotation import AuthorityState, advance
from lateen.certificates.stored import Bearer
from lateen.envoy.bootstrap import BootstrapOptions, build_bootstrap
from lateen.envoy.xds_tls import XdsTls, discovery_files
from lateen.ir.proxy import ProxyId
from lateen.xds.transport import Security, Transport

DOMAIN: Final = "cluster.local"
SYSTEM: Final = "lateen-system"
HOST: Final = "lateen-xds.lateen-system.svc"
LEAVE_AFTER: Final = 0.5
"""Seconds: streams of these tests end by themselves after one second at the latest."""


class SecureHouse(House):
    """A house whose server lets in proxies with certificates only, and does not keep them long."""

    def __init__(self, directory: Path, identity: ProxyId = PROXY) -> None:
        """Make an authority and all certificates.

        Args:
            directory: for files.
            identity: whom Envoy's certificate names; it always claims to be `PROXY`.
        """
        self.now = time.time() - 30 * DAY  # rotations take days, and what they make has to be good today
        self.lifetimes = Lifetimes(authority=120 * DAY, leaf=35 * DAY, trust_delay=0.0)
        self.authority = AuthorityState(create_authority(self.now, self.lifetimes.authority))
        self._uri = proxy_identity(identity, DOMAIN)
        self._mounts = itertools.count()
        self.certificates = directory / "certificates"
        self.certificates.mkdir()
        self.renew_server()
        self.renew_client()
        chance = random.Random(1).random  # noqa: S311 - spreads streams, protects nothing
        self.handshakes = 0
        security = Security(self._meet, DOMAIN, SYSTEM)
        super().__init__(directory, Transport(security, LEAVE_AFTER, chance))

    def _meet(self) -> Bearer:
        self.handshakes += 1
        return self.bearer

    def renew_server(self) -> None:
        """Serve a certificate of now, and trust whom the authority trusts."""
        uris = [operator_identity(SYSTEM, DOMAIN)]
        pair = issue(
            self.authority.signer,
            now=time.time(),
            lifetime=DAY,
            usages=[Usage.SERVER],
            uris=uris,
            dns_names=[HOST],
        )
        self.bearer = Bearer(pair, self.authority.bundle)

    def renew_client(self) -> None:
        """Write a certificate for Envoy, and whom to trust, beside the last one; then swap them at once."""
        pair = issue(self.authority.signer, now=time.time(), lifetime=DAY, usages=[Usage.CLIENT], uris=[self._uri])
        mount = self.certificates / f"..{next(self._mounts)}"
        mount.mkdir()
        contents = {"tls.crt": pair.certificate.pem, "tls.key": pair.key, "ca.crt": self.authority.bundle}
        for name, content in contents.items():
            (mount / name).write_bytes(content)
            link = self.certificates / name
            if not link.is_symlink():
                link.symlink_to(Path("..data") / name)
        temporary = self.certificates / "..data_tmp"
        temporary.symlink_to(mount.name)
        temporary.rename(self.certificates / "..data")

    def rotate(self, *, days: float, wanted: bool = False) -> None:
        """Let days pass for the authority."""
        self.now += days * DAY
        self.authority = advance(
            self.authority,
            self.now,
            self.lifetimes,
            lambda: create_authority(self.now, self.lifetimes.authority),
            wanted=wanted,
        )

    def bootstrap(self) -> dict[str, Any]:
        """Have Envoy read its certificate, and whom to trust, from files."""
        for name, text in discovery_files(str(self.certificates)).items():
            (self.directory / name).write_text(text)
        tls = XdsTls(HOST, str(self.directory))
        return build_bootstrap(BootstrapOptions(self.address, str(PROXY), "envoy-1", xds_tls=tls))
