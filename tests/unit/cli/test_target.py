"""Whom a command asks."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lateen.cli.target import Cluster, cluster_options
from lateen.errors import LateenError
from lateen.kube.client import ApiError


def chosen(*arguments: str) -> Cluster | None:
    """Say which cluster a command with these options would ask."""
    seen: list[Cluster | None] = []

    @click.command()
    @cluster_options
    def command(cluster: Cluster | None) -> None:
        seen.append(cluster)

    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_without_options_it_is_this_machine() -> None:
    assert chosen() is None


def test_each_option_chooses_a_cluster(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.touch()
    assert chosen("--cluster") == Cluster()
    assert chosen("--context", "kind-shop") == Cluster(context="kind-shop")
    assert chosen("--kubeconfig", str(file)) == Cluster(kubeconfig=file)
    assert chosen("--operator-namespace", "edge", "--cluster") == Cluster(operator_namespace="edge")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    file = tmp_path / "config"
    file.write_text(
        "current-context: c\n"
        "contexts: [{name: c, context: {cluster: c, user: u, namespace: shop}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {}}]\n"
    )
    return Cluster(file)


def test_the_namespace_is_the_contexts(cluster: Cluster) -> None:
    assert cluster.default_namespace() == "shop"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "the cluster does not answer: why"),
        (401, "the cluster does not know who asks: why"),
        (403, "the cluster does not allow it: why"),
        (404, "the cluster does not know what is asked for: why"),
        (500, "the cluster refuses the request: why"),
    ],
)
async def test_what_the_api_server_says_is_put_into_words(cluster: Cluster, code: int, words: str) -> None:
    with pytest.raises(LateenError, match=words):
        async with cluster.connect():
            raise ApiError(code, "Reason", "why")
