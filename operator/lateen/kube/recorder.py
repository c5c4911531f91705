"""The seam where Events go out. Apart from what writes them, as a laptop has Events without an API server."""

from typing import Protocol

from lateen.model.keys import Key


class Recorder(Protocol):
    """Takes Events; an `EventRecorder`."""

    def record(self, key: Key, type_: str, reason: str, message: str) -> None:
        """Tell that something happened to an object; `type_` is `Normal` or `Warning`."""
        ...
