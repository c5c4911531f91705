"""Names of credentials: what users write, what proxies ask for, which Secret is meant."""

import pytest

from lateen.ir.listener import SecretKind, SecretRef
from lateen.model.keys import Key, Kind
from lateen.semantics.credentials import (
    beside_certificate,
    certificate_ref,
    names_config_map,
    secret_location,
    trust_ref,
)


@pytest.mark.parametrize(
    ("credential", "sds", "secret"),
    [
        ("cert", "kubernetes://cert", "edge/cert"),
        ("kubernetes://cert", "kubernetes://cert", "edge/cert"),
        ("kubernetes-gateway://shop/cert", "kubernetes-gateway://shop/cert", "shop/cert"),
    ],
)
def test_a_credential_is_asked_for_with_its_scheme(credential: str, sds: str, secret: str) -> None:
    assert certificate_ref(credential) == SecretRef(sds, SecretKind.CERTIFICATE)
    assert secret_location(sds, "edge") == (Key(Kind.SECRET, *secret.split("/")), False)


@pytest.mark.parametrize("credential", ["cert", "cert-cacert", "kubernetes://cert", "kubernetes://cert-cacert"])
def test_authorities_are_asked_for_with_an_ending(credential: str) -> None:
    ref = trust_ref(credential)
    assert ref == SecretRef("kubernetes://cert-cacert", SecretKind.TRUST)
    location = Key(Kind.SECRET, "edge", "cert-cacert")
    assert secret_location(ref.name, "edge") == (location, True)
    assert beside_certificate(location) == Key(Kind.SECRET, "edge", "cert")


def test_only_one_scheme_means_a_config_map() -> None:
    assert names_config_map("configmap://edge/ca")
    assert not names_config_map("kubernetes://configmap")
