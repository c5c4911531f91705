"""What a kubeconfig says besides how to reach its cluster."""

import json
from pathlib import Path

import pytest

from lateen.kube.kubeconfig import current_context, default_namespace


@pytest.fixture(autouse=True)
def _in_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def write(file: Path, current: str, **namespaces: str) -> Path:
    contexts = [
        {"name": name, "context": {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}}
        for name, namespace in namespaces.items()
    ]
    clusters = [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]
    users = [{"name": "u", "user": {}}]
    content = {"current-context": current, "contexts": contexts, "clusters": clusters, "users": users}
    file.write_text(json.dumps(content))
    return file


def test_the_namespace_is_the_one_of_the_context(tmp_path: Path) -> None:
    file = write(tmp_path / "config", "a", a="shop", b="", c="edge")
    assert default_namespace(file) == "shop"
    assert [default_namespace(file, context) for context in "abcd"] == ["shop", "default", "edge", "default"]


def test_the_file_in_force_counts_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write(tmp_path / "1", "a", a="shop"), write(tmp_path / "2", "b", b="edge")
    monkeypatch.setenv("KUBECONFIG", str(first))
    assert current_context() == "a"
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert default_namespace(context="b") == "edge"


def test_nothing_usable_means_no_context_and_the_default_namespace(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("{}")
    for file in (empty, tmp_path / "none"):
        assert (current_context(file), default_namespace(file)) == ("", "default")


def test_in_a_pod_it_is_the_pods_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "config", "a", a="shop")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert default_namespace(account=tmp_path) == "shop", "there is no account"
    (tmp_path / "namespace").write_text("pods\n")
    assert default_namespace(account=tmp_path) == "pods"
    assert default_namespace(file, account=tmp_path) == "shop"
