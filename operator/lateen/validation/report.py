"""Collects the problems of one value while its parts are checked."""

from collections.abc import Iterable

from lateen.model.objects import Problem, Severity
from lateen.validation.syntax import under


class Report(list[Problem]):
    """Problems with paths relative to the value that is checked.

    A list, so that a check can return it and the caller's `include` puts it below the
    value's own path. Nothing is computed for values without problems.
    """

    __slots__ = ()

    def error(self, message: str, *path: str | int) -> None:
        """Note what makes the object unacceptable."""
        self.append(Problem(path, message))

    def warn(self, message: str, *path: str | int) -> None:
        """Note what is served, but probably not meant."""
        self.append(Problem(path, message, Severity.WARNING))

    def inform(self, message: str, *path: str | int) -> None:
        """Note what is worth knowing."""
        self.append(Problem(path, message, Severity.INFO))

    @property
    def has_errors(self) -> bool:
        """Whether anything makes the value unacceptable."""
        return any(problem.severity is Severity.ERROR for problem in self)

    def include(self, problems: Iterable[Problem], *path: str | int) -> None:
        """Take over the problems of a part that stands at `path`."""
        if problems:
            self.extend(under(problems, *path))
