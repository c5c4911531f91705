"""Whom a command asks: an instance on this machine, or a cluster."""

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from lateen.errors import LateenError

if TYPE_CHECKING:
    from lateen.kube.client import KubeClient

_REFUSALS: Final = {
    0: "the cluster does not answer",
    401: "the cluster does not know who asks",
    403: "the cluster does not allow it",
    404: "the cluster does not know what is asked for",
}
"""By status of the answer; 0 is none. The API server's own words follow, which name what is missing."""

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster, and Lateen's operator in it."""

    kubeconfig: Path | None = None
    """None: the one that is in force, or the pod's own account."""
    context: str | None = None
    """None: the current one."""
    operator_namespace: str = ""
    """Empty: wherever it is."""

    @asynccontextmanager
    async def connect(self) -> "AsyncIterator[KubeClient]":
        """Open a client while the context lasts.

        Raises:
            InputError: there is no usable configuration.
            LateenError: what the API server says against a request that is made meanwhile.
        """
        from lateen.kube.client import ApiError, KubeClient  # noqa: PLC0415 - takes most of a second

        client = await KubeClient.connect(self.kubeconfig, self.context)
        try:
            yield client
        except ApiError as error:
            what = _REFUSALS.get(error.code, "the cluster refuses the request")
            raise LateenError(f"{what}: {error}") from error
        finally:
            await client.close()

    def default_namespace(self) -> str:
        """Name the namespace that is meant where none is named."""
        from lateen.kube.kubeconfig import default_namespace  # noqa: PLC0415 - as above

        return default_namespace(self.kubeconfig, self.context)


def cluster_options(command: Command) -> Command:
    """Add the options that choose a cluster; the command gets `cluster`, None for this machine."""

    @functools.wraps(command)
    def with_cluster(
        *arguments: Any,
        in_cluster: bool,
        context: str | None,
        kubeconfig: Path | None,
        operator_namespace: str,
        **options: Any,
    ) -> Any:
        chosen = in_cluster or context or kubeconfig or operator_namespace
        cluster = Cluster(kubeconfig, context, operator_namespace) if chosen else None
        return command(*arguments, cluster=cluster, **options)

    found: Any = with_cluster
    for option in reversed(_OPTIONS):
        found = option(found)
    return found  # type: ignore[no-any-return]  # click's decorators give what they take


_OPTIONS = (
    click.option("--cluster", "in_cluster", is_flag=True, help="Ask the cluster of the current context."),
    click.option("--context", help="Ask the cluster of this context."),
    click.option(
        "--kubeconfig",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Ask the cluster of this file.",
    ),
    click.option("--operator-namespace", default="", help="Where the operator runs.  [default: found by its labels]"),
)
