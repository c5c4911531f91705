"""What the demo says, and the expectations it counts. A demo that shows what does not hold would be a lie."""

import time
from collections.abc import Mapping
from typing import Final

import click

INDENT: Final = " " * 4
_BAR: Final = 40


class DemoError(Exception):
    """Something did not go as the demo says it does."""


class Stage:
    """Prints the demo's lines, and fails it when an expectation does not hold."""

    def __init__(self) -> None:
        """Start the clock."""
        self.began = time.monotonic()
        self.held = 0
        self.over = False
        """Whether everything has been shown."""
        self._acts = 0

    def act(self, title: str, *remarks: str) -> None:
        """Begin the next part."""
        self._acts += 1
        click.echo()
        click.secho(f" {self._acts}  {title}", bold=True)
        for remark in remarks:
            click.secho(f"{INDENT}{remark}", dim=True)

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(f"{INDENT}{text}")

    def quote(self, line: str) -> None:
        """Print a line that `lateen up` said."""
        click.secho(f"{INDENT}│ {line}", dim=True)

    def show_shares(self, counts: Mapping[str, int]) -> None:
        """Print how requests were split, as bars."""
        total = max(sum(counts.values()), 1)
        for name, number in sorted(counts.items()):
            bar = "█" * round(_BAR * number / total)
            click.echo(f"{INDENT}{name:<4} {bar:<{_BAR}} {number:>5}  {100 * number / total:.1f} %")

    def expect(self, held: bool, what: str, instead: str) -> None:  # noqa: FBT001 - reads as a sentence: expect(x == 1, …)
        """Go on if it held.

        Raises:
            DemoError: it did not; says what was expected and what happened instead.
        """
        if not held:
            raise DemoError(f"expected {what}; {instead}")
        self.held += 1
        click.echo(f"{INDENT}{click.style('✓', fg='green')} {what}")

    def end(self) -> None:
        """Print the sum."""
        seconds = time.monotonic() - self.began
        self.over = True
        click.echo()
        click.secho(f"All {self.held} expectations held, in {seconds:.0f} s.", fg="green", bold=True)
