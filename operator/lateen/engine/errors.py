"""The one error that the engine raises itself, and errors in words."""


class EngineError(Exception):
    """The graph is built or used against its rules: a mistake of the program, never of its input.

    In a compute it is the error of its cell, like everything else that a compute raises.
    """


def words_of(error: Exception) -> str:
    """Say what went wrong. Never raises, though an error's own words may."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - it is being told of already
        return "an error without words"
