"""An Envoy that reaches its server by mutual TLS, with certificates in files that change as a kubelet changes them."""

import itertools
import json
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
from lateen.ir.proxy import ProxyId
from lateen.xds.transport import Security, Transport

DOMAIN: Final = "cluster.local"
SYSTEM: Final = "lateen-system"
HOST: Final = "lateen-xds.lateen-system.svc"
LEAVE_AFTER: Final = 0.5
"""Seconds: streams of these tests end by themselves after one second at the latest."""

_TLS: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"


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
        self._certificates = directory / "certificates"
        self._certificates.mkdir()
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
        mount = self._certificates / f"..{next(self._mounts)}"
        mount.mkdir()
        contents = {"tls.crt": pair.certificate.pem, "tls.key": pair.key, "ca.crt": self.authority.bundle}
        for name, content in contents.items():
            (mount / name).write_bytes(content)
            link = self._certificates / name
            if not link.is_symlink():
                link.symlink_to(Path("..data") / name)
        temporary = self._certificates / "..data_tmp"
        temporary.symlink_to(mount.name)
        temporary.rename(self._certificates / "..data")

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
        bootstrap = build_bootstrap(BootstrapOptions(self.address, str(PROXY), "envoy-1"))
        folder = {"path": str(self._certificates)}
        certificate = {
            "certificate_chain": {"filename": str(self._certificates / "tls.crt")},
            "private_key": {"filename": str(self._certificates / "tls.key")},
            "watched_directory": folder,
        }
        operator = {"san_type": "URI", "matcher": {"exact": operator_identity(SYSTEM, DOMAIN)}}
        validation = {
            "trusted_ca": {"filename": str(self._certificates / "ca.crt")},
            "watched_directory": folder,
            "match_typed_subject_alt_names": [operator],
        }
        context = {
            "tls_certificate_sds_secret_configs": [self._secret("identity", tls_certificate=certificate)],
            "validation_context_sds_secret_config": self._secret("trust", validation_context=validation),
        }
        (cluster,) = bootstrap["static_resources"]["clusters"]
        cluster["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": f"{_TLS}.UpstreamTlsContext", "sni": HOST, "common_tls_context": context},
        }
        return bootstrap

    def _secret(self, name: str, **content: Any) -> dict[str, Any]:
        file = self.directory / f"{name}.json"
        file.write_text(json.dumps({"resources": [{"@type": f"{_TLS}.Secret", "name": name, **content}]}))
        return {
            "name": name,
            "sds_config": {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"},
        }
