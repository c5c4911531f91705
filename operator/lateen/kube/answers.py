"""What an API server answers: JSON, or an error with its words."""

import json
from collections.abc import Mapping
from typing import Any, Final

from lateen.errors import LateenError

_TRANSIENT: Final = frozenset({0, 408, 429, 500, 502, 503, 504})


class ApiError(LateenError):
    """The API server refused a request, or could not be reached."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        """Keep the parts of the answer.

        Args:
            code: HTTP status; 0: there was no answer.
            reason: one word for programs, such as `NotFound` or `Conflict`.
            message: the API server's words.
        """
        super().__init__(message or reason or f"status {code}")
        self.code = code
        self.reason = reason

    @property
    def is_missing(self) -> bool:
        """Whether the object, or its kind, does not exist."""
        return self.code == 404

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else was faster, or has the name already."""
        return self.code == 409

    @property
    def is_expired(self) -> bool:
        """Whether a version or a page is too old to go on from."""
        return self.code == 410

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in _TRANSIENT


def decode(data: bytes) -> dict[str, Any]:
    """Read JSON; what is none becomes a `message`."""
    try:
        decoded = json.loads(data)
    except ValueError:
        return {"message": data.decode(errors="replace").strip()[:500]}
    return decoded if isinstance(decoded, dict) else {"items": decoded}


def error_of(code: int, status: Mapping[str, Any]) -> ApiError:
    """Make an error of a `Status` object."""
    return ApiError(code, str(status.get("reason", "")), str(status.get("message", "")))


def unreachable(error: BaseException) -> ApiError:
    """Make an error of a connection that failed."""
    words = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return ApiError(0, "Unreachable", words)
