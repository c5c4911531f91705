"""The one error that the engine raises itself."""


class EngineError(Exception):
    """The graph is built or used against its rules: a mistake of the program, never of its input.

    Everything else that a compute raises is recorded as the error of its cell; this is not, it leaves the commit.
    """
