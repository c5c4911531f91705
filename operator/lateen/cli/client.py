"""Asking a running instance over its control socket."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lateen.errors import InputError, LateenError
from lateen.infra.state import InstanceInfo, list_instances, read_instance, state_root

_TIMEOUT: Final = 10.0
"""Seconds; the answers are made in milliseconds, unless the instance is busy."""


def find_instance(name: str) -> InstanceInfo:
    """Find a running instance.

    Raises:
        InputError: there is none of that name; the message lists the others.
    """
    root = state_root(os.environ, os.getuid())
    found = read_instance(root, name)
    if found is not None:
        return found
    others = [f"{each.name} (pid {each.pid}, {', '.join(each.directories)})" for each in list_instances(root)]
    hint = f"; running: {', '.join(others)}" if others else "; start one with `lateen up DIR`"
    raise InputError(f"no instance named {name!r} is running{hint}")


def ask(name: str, path: str, parameters: Mapping[str, str]) -> Any:
    """Get the JSON that a running instance answers with.

    Raises:
        InputError: no such instance runs, or it refuses the question.
        LateenError: it does not answer.
    """
    instance = find_instance(name)
    if not Path(instance.control).is_socket():
        raise LateenError(f"instance {name!r} (pid {instance.pid}) does not answer yet: it is starting")
    import httpx  # noqa: PLC0415 - takes 100 ms, and is not needed to say that nothing runs

    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=instance.control), timeout=_TIMEOUT) as client:
            response = client.get(f"http://lateen{path}", params=dict(parameters))
    except httpx.HTTPError as error:
        raise LateenError(f"instance {name!r} (pid {instance.pid}) does not answer: {error}") from error
    if response.status_code != httpx.codes.OK:
        raise InputError(f"instance {name!r} answered {response.status_code}: {response.text.strip()}")
    return response.json()
