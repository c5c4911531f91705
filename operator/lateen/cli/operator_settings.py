"""The operator's file of settings: YAML in, `OperatorSettings` out, with a sentence per mistake."""

from pathlib import Path
from typing import Final

import yaml

from lateen.errors import InputError
from lateen.infra.tuning import find_faults
from lateen.model.objects import Severity, print_path
from lateen.semantics.proxy_options import OPTIONS
from lateen.settings import OperatorSettings
from lateen.validation.decoding import Decoder

_CHOICES: Final = {
    "gateways.scope": ("namespace", "cluster"),
    "log.level": ("debug", "info", "warning", "error"),
    "log.format": ("json", "console"),
}


def read_operator_settings(file: Path) -> OperatorSettings:
    """Read a file of settings; an empty one gives the defaults. Blocks.

    Raises:
        InputError: it cannot be read, or says something that no setting is; names every mistake.
    """
    try:
        text = file.read_text()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: {error}") from error
    return parse_operator_settings(text, str(file))


def parse_operator_settings(text: str, file: str) -> OperatorSettings:
    """Read settings from text; `file` is what mistakes are reported of.

    Raises:
        InputError: it says something that no setting is; names every mistake.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{file}: {' '.join(str(error).split())}") from error
    decoded = Decoder(OperatorSettings, unknown_fields=Severity.ERROR).decode({} if value is None else value)
    wrong = [f"{print_path(problem.path)}: {problem.message}" for problem in decoded.problems]
    settings = decoded.spec or OperatorSettings()
    for path, choices in _CHOICES.items():
        group, _, name = path.partition(".")
        chosen = getattr(getattr(settings, group), name)
        if chosen not in choices:
            wrong.append(f"{path}: one of {', '.join(choices)} is expected, not {chosen!r}")
    wrong += [
        f"gateways.options: {name!r} is no option; there are {', '.join(OPTIONS)}, and * for all"
        for name in settings.gateways.options
        if name not in OPTIONS and name != "*"
    ]
    delay = settings.proxies.removal.delay_seconds
    if delay < 0:
        wrong.append(f"proxies.removal.delaySeconds: 0 or more is expected, not {delay}")
    wrong += [f"proxies.{path}: {fault}" for path, fault in find_faults(settings.proxies)]
    if wrong:
        raise InputError("\n".join(f"{file}: {each}" for each in wrong))
    return settings
