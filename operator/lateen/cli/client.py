"""Asking a running instance over its control socket, or the replicas of an operator through the API server."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lateen.cli.target import Cluster
from lateen.errors import InputError, LateenError
from lateen.infra.state import InstanceInfo, list_instances, read_instance, state_root

if TYPE_CHECKING:
    from lateen.kube.client import KubeClient
    from lateen.kube.operator_pods import OperatorPod

CONTROL_PORT: Final = 15100
"""Where an operator answers, on the loopback address of its pod."""

_PATIENCE: Final = 60.0
"""Seconds for an operator with ten thousand objects."""

_TIMEOUT: Final = 10.0
"""Seconds beyond those that were asked for; the answers are made in milliseconds, unless the instance is busy."""


def find_instance(name: str) -> InstanceInfo:
    """Find a running instance that can be asked.

    Raises:
        InputError: there is none of that name; the message lists the others.
        LateenError: it cannot be asked yet.
    """
    root = state_root(os.environ, os.getuid())
    found = read_instance(root, name)
    if found is not None:
        if not Path(found.control).is_socket():
            raise LateenError(f"instance {name!r} (pid {found.pid}) does not answer yet: it is starting")
        return found
    others = [f"{each.name} (pid {each.pid}, {', '.join(each.directories)})" for each in list_instances(root)]
    hint = f"; running: {', '.join(others)}" if others else "; start one with `lateen up DIR`"
    cluster = _cluster()
    if cluster:
        hint += f", or ask {cluster} with --cluster"
    raise InputError(f"no instance named {name!r} is running{hint}")


def _cluster() -> str:
    """Say which cluster could be asked, if any."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "the cluster that this pod runs in"
    file = os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser()
    if not any(Path(each).is_file() for each in str(file).split(os.pathsep)):
        return ""
    from lateen.kube.kubeconfig import current_context  # noqa: PLC0415 - takes most of a second

    context = current_context()
    return f"the cluster of the context {context!r}" if context else ""


async def ask(name: str, path: str, parameters: Mapping[str, str], *, seconds: float = 0) -> Any:
    """Get the JSON that a running instance answers with.

    Args:
        name: of the instance.
        path: what is asked.
        parameters: of the question.
        seconds: that the instance may take to answer, if it was told to.

    Raises:
        InputError: no such instance runs, or it refuses the question.
        LateenError: it does not answer.
    """
    instance = find_instance(name)
    who = f"instance {name!r} (pid {instance.pid})"
    return await ask_socket(instance.control, who, path, parameters, seconds=seconds)


async def ask_socket(socket: str, who: str, path: str, parameters: Mapping[str, str], *, seconds: float = 0) -> Any:
    """Get the JSON that is answered at a Unix socket.

    Raises:
        InputError: the question is refused.
        LateenError: nobody answers.
    """
    import httpx  # noqa: PLC0415 - takes 100 ms, and is not needed to say that nothing runs

    transport = httpx.AsyncHTTPTransport(uds=socket)
    try:
        async with httpx.AsyncClient(transport=transport, timeout=_TIMEOUT + seconds) as client:
            response = await client.get(f"http://lateen{path}", params=dict(parameters))
    except httpx.HTTPError as error:
        raise LateenError(f"{who} does not answer: {str(error) or type(error).__name__}") from error
    if response.status_code != httpx.codes.OK:
        raise InputError(f"{who} answered {response.status_code}: {response.text.strip()}")
    return response.json()


async def ask_operator(cluster: Cluster, path: str, parameters: Mapping[str, str]) -> list[Any]:
    """Get the JSON that each replica of the operator in a cluster answers with.

    A replica that does not answer is reported on standard error, and left out.

    Raises:
        InputError: there is no operator, or it refuses the question.
        LateenError: no replica can be asked, for the reason in the message.
    """
    from lateen.kube.operator_pods import find_operator  # noqa: PLC0415 - takes most of a second

    async with cluster.connect() as client:
        pods = await find_operator(client, cluster.operator_namespace)
        with tempfile.TemporaryDirectory(prefix="lateen-") as directory:
            sockets = [Path(directory) / f"{number}.sock" for number in range(len(pods))]
            asked = (_ask_pod(client, *each, path, parameters) for each in zip(pods, sockets, strict=True))
            answers = await asyncio.gather(*asked, return_exceptions=True)
        errors = [each for each in answers if isinstance(each, BaseException)]
        unexpected = next((each for each in errors if not isinstance(each, LateenError)), None)
        if unexpected is not None or len(errors) == len(answers):
            raise unexpected or errors[0]
    for error in errors:
        click.echo(f"lateen: {error}", err=True)
    return [each for each in answers if not isinstance(each, BaseException)]


async def _ask_pod(
    client: "KubeClient", pod: "OperatorPod", socket: Path, path: str, parameters: Mapping[str, str]
) -> Any:
    from lateen.kube.client import ApiError  # noqa: PLC0415 - as above
    from lateen.kube.portforward import forwarding  # noqa: PLC0415 - as above

    who = f"pod {pod.namespace}/{pod.name} of the operator"
    async with forwarding(client, pod.namespace, pod.name, CONTROL_PORT, socket) as forward:
        try:
            return await ask_socket(str(socket), who, path, parameters, seconds=_PATIENCE)
        except InputError:
            raise
        except LateenError as error:
            if isinstance(forward.problem, ApiError):
                raise forward.problem from error
            raise LateenError(f"{who} cannot be asked: {forward.problem}" if forward.problem else str(error)) from error
