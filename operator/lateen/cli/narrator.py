"""What `lateen up` says on the terminal: accepted, rejected and why, where to call, when it is live."""

from collections.abc import Callable, Iterable
from typing import Final

import click

from lateen.compile.compiler import Outcome
from lateen.infra.base import Phase, ProxyState
from lateen.ir.finding import Finding
from lateen.ir.proxy import ListeningPort
from lateen.model.keys import Key
from lateen.model.objects import FieldPath, Origin, Severity
from lateen.runtime.journal import (
    Compiled,
    Entry,
    FileReported,
    Listening,
    ProxyChanged,
    Refused,
    WentLive,
)
from lateen.settings import UpSettings
from lateen.status.conditions import print_finding

Locate = Callable[[Origin, FieldPath], int]
COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
MILLISECONDS: Final = 1000


class Narrator:
    """Prints each journal entry as a line or a few."""

    def __init__(self, settings: UpSettings, locate: Locate, origins: Callable[[Key], Origin | None]) -> None:
        """Speak about one instance; `locate` finds lines of fields, `origins` files of objects."""
        self._settings = settings
        self._locate = locate
        self._origins = origins

    def __call__(self, entry: Entry) -> None:
        """Print one entry."""
        match entry:
            case Compiled():
                self._compiled(entry)
            case WentLive(number, seconds, rejected):
                ending = f", {rejected} refused by a proxy" if rejected else ", acknowledged by every proxy"
                self.say(
                    f"#{number} live in {seconds * MILLISECONDS:.0f} ms{ending}", "green" if not rejected else "red"
                )
            case Listening(ports):
                self._listening(ports)
            case FileReported(report):
                for problem in report.problems:
                    self.say(f"{problem.severity.value:7} {problem}", COLOURS[problem.severity])
                if not report.problems:
                    self.say(f"{report.file}: well again", "green")
            case ProxyChanged(state):
                self._proxy(state)
            case Refused(proxy, resource, message, origins):
                owners = ", ".join(
                    f"{key} ({place.file}:{place.line})" if place else str(key) for key, place in origins
                )
                self.say(f"refused by proxy {proxy.name}: {resource}: {message}", "red")
                self.say(f"        because of {owners or 'no object'}; the last accepted version stays in use", "red")

    def say(self, text: str, colour: str | None = None) -> None:
        """Print one line."""
        click.secho(text, fg=colour)

    def _compiled(self, entry: Compiled) -> None:
        outcome: Outcome = entry.outcome
        counts = [
            f"{len(keys)} {word}"
            for keys, word in (
                (outcome.accepted, "accepted"),
                (outcome.refused, "rejected"),
                (outcome.removed, "removed"),
            )
            if keys
        ]
        self.say(
            f"#{entry.number} {', '.join(counts)}; {entry.sent} resources in {entry.seconds * MILLISECONDS:.1f} ms"
        )
        self.findings(finding for found in entry.findings.values() for finding in found)

    def findings(self, findings: Iterable[Finding]) -> None:
        """Print findings with file and line."""
        for finding in findings:
            origin = self._origins(finding.key)
            place = ""
            if origin is not None and origin.file:
                place = f"{origin.file}:{self._locate(origin, finding.path)}: "
            text = f"{finding.severity.value:7} {place}{finding.key}: {print_finding(finding)} [{finding.code}]"
            self.say(text, COLOURS[finding.severity])

    def _listening(self, ports: tuple[ListeningPort, ...]) -> None:
        for port in ports:
            shifted = f" (port {port.number} shifted by {port.port - port.number})" if port.port != port.number else ""
            hosts = ", ".join(port.hosts)
            self.say(
                f"Gateway {port.gateway}: {port.protocol} on {port.address}:{port.port}{shifted} for {hosts}", "blue"
            )

    def _proxy(self, state: ProxyState) -> None:
        text = f"proxy {state.proxy.name} {state.phase.value}"
        if state.error:
            text += f": {state.error}"
        bad = state.phase in {Phase.RESTARTING, Phase.FAILING}
        self.say(text, "red" if bad else None)
