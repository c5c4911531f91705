"""Finding the authorities of a machine."""

from pathlib import Path

import pytest

from lateen.infra.authorities import find_authorities


def test_what_openssl_is_told_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, known = tmp_path / "own.pem", tmp_path / "known.pem"
    own.touch()
    known.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    assert find_authorities((str(known),)) == str(own)


def test_else_the_first_known_place_that_exists_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tmp_path / "known.pem"
    known.touch()
    monkeypatch.setattr("ssl.get_default_verify_paths", lambda: type("Paths", (), {"cafile": None}))
    assert find_authorities((str(tmp_path / "missing.pem"), str(known))) == str(known)


def test_without_any_the_usual_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssl.get_default_verify_paths", lambda: type("Paths", (), {"cafile": None}))
    assert find_authorities(()) == "/etc/ssl/certs/ca-certificates.crt"
