"""What `lateen up` says on a terminal: accepted, rejected and why, where to call, when it is live."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from lateen.cli.terminal import COLOURS, count, milliseconds
from lateen.infra.base import Phase, ProxyState
from lateen.ir.finding import Finding
from lateen.ir.proxy import ListeningPort
from lateen.model.keys import Key
from lateen.model.objects import Severity
from lateen.runtime.journal import (
    Compiled,
    Draining,
    Entry,
    FileReported,
    Happened,
    Listening,
    PortTaken,
    ProxyChanged,
    Refused,
    Restored,
    Serving,
    Started,
    Stopped,
    WentLive,
)
from lateen.runtime.listening import is_mesh, url_of
from lateen.runtime.notices import Notice, notice_of_problem

FEW: Final = 3
"""So many objects of a batch are named; more are counted."""

BAD: Final = "red"
GOOD: Final = "green"
QUIET: Final = "bright_black"


class Line(NamedTuple):
    """One line to print."""

    text: str
    colour: str | None = None


class Narrator:
    """Turns journal entries into lines. Remembers what it said, so as not to repeat itself."""

    def __init__(self, notice: Callable[[Finding], Notice]) -> None:
        """Speak about one instance; `notice` puts findings at their places, and may read files."""
        self._notice = notice
        self._ports: tuple[ListeningPort, ...] = ()
        self._explained_shift = False
        self._unread: set[str] = set()
        self._said: dict[Key, tuple[Finding, ...]] = {}
        self._errors: dict[str, str] = {}
        self._silent: set[int] = set()

    def lines(self, entry: Entry) -> Iterator[Line]:  # noqa: C901, PLR0912 - one case for each kind of entry
        """Say what there is to say about one entry; often nothing."""
        match entry:
            case Started(name, version, pid, paths):
                yield Line(f"lateen {version}, instance {name!r} (pid {pid}), reads {', '.join(paths)}")
            case Compiled():
                yield from self._compiled(entry)
            case WentLive():
                yield from self._live(entry)
            case Restored(proxy, seconds):
                text = f"proxy {proxy} has everything again, {milliseconds(seconds)} after it connected"
                yield Line(text, GOOD)
            case Serving(seconds):
                yield Line(f"serving, {milliseconds(seconds)} after the start; Ctrl-C ends it", GOOD)
            case Listening(ports):
                yield from self._listening(ports)
            case PortTaken(ports, reason):
                yield Line(f"{reason}; {_who(ports)} waits until it is free", BAD)
            case FileReported():
                yield from self._file(entry)
            case ProxyChanged(state):
                yield from self._proxy(state)
            case Refused():
                yield from self._refused(entry)
            case Happened(key, _, message, is_warning):
                colour = COLOURS[Severity.WARNING] if is_warning else GOOD
                yield Line(f"{key.kind} {key.namespace}/{key.name}: {message}", colour)
            case Draining(seconds):
                yield Line(f"draining, for {seconds:g} s at most; Ctrl-C again ends it at once")
            case Stopped():
                yield Line("stopped")

    def _compiled(self, entry: Compiled) -> Iterator[Line]:
        outcome = entry.outcome
        number = f"#{entry.number}"
        parts = [
            f"{_named(keys)} {word}"
            for keys, word in (
                (outcome.accepted, "accepted"),
                (outcome.refused, "rejected"),
                (outcome.removed, "removed"),
            )
            if keys
        ]
        if entry.sent:
            effect = f"{count(entry.sent, 'resource')} for proxies, compiled in {milliseconds(entry.seconds)}"
        else:
            self._silent.add(entry.number)
            unneeded = sum(wanted is None for wanted in outcome.proxies.values())
            effect = f"{count(unneeded, 'proxy')} to stop" if unneeded else "nothing changes for proxies"
        yield Line(f"{number} {', '.join(parts) or 'no objects'}: {effect}", BAD if outcome.refused else None)
        if outcome.refused:
            yield Line(f"{number} what is rejected keeps its last good version, if there was one", BAD)
        judged = {*outcome.accepted, *outcome.refused}
        for key, found in entry.findings.items():
            yield from self._findings(key, found, again=key in judged)
        if entry.number == 1 and not any(outcome.proxies.values()):
            yield Line("there is no Gateway yet, so there is nothing to run; waiting for one")

    def _findings(self, key: Key, found: tuple[Finding, ...], *, again: bool) -> Iterator[Line]:
        """Say what is new; errors of an object that was just read are said again."""
        known = self._said.pop(key, ())
        if found:
            self._said[key] = found
        for finding in found:
            if finding not in known or (again and finding.severity is Severity.ERROR):
                yield _say(self._notice(finding))
        if _is_trouble(known) and not _is_trouble(found):
            yield Line(f"{key.kind} {key.namespace}/{key.name}: all problems are solved", GOOD)

    def _live(self, entry: WentLive) -> Iterator[Line]:
        if entry.number in self._silent:
            self._silent.discard(entry.number)
        elif entry.superseded:
            yield Line(f"#{entry.number} was overtaken by a later change")
        elif entry.rejected:
            refused = f"{count(entry.rejected, 'resource')} refused, the last accepted version stays"
            yield Line(f"#{entry.number} settled in {milliseconds(entry.seconds)}: {refused}", BAD)
        else:
            yield Line(f"#{entry.number} live in {milliseconds(entry.seconds)}, acknowledged by every proxy", GOOD)

    def _listening(self, ports: tuple[ListeningPort, ...]) -> Iterator[Line]:
        before, self._ports = self._ports, ports
        for port in before:
            if not any(_same_place(port, other) for other in ports):
                yield Line(f"{url_of(port)} is closed ({_who([port])})")
        for port in ports:
            if port not in before:
                yield Line(f"{url_of(port)} {_describe(port)}", "blue")
        shifted = next((port for port in ports if port.port != port.number), None)
        if shifted is not None and not self._explained_shift:
            self._explained_shift = True
            shift = shifted.port - shifted.number
            yield Line(f"ports under 1024 need privileges, so {shift} is added to them (--port-shift)", QUIET)

    def _file(self, entry: FileReported) -> Iterator[Line]:
        broken = False
        for problem in entry.report.problems:
            broken |= problem.severity is Severity.ERROR
            if problem.severity is not Severity.ERROR:
                if problem.message in self._unread:
                    continue
                self._unread.add(problem.message)
            yield _say(notice_of_problem(problem))
        if broken and entry.kept:
            kept = "the object that was" if entry.kept == 1 else f"the {entry.kept} objects that were"
            stays = "stays" if entry.kept == 1 else "stay"
            yield Line(f"{entry.report.file} has errors; {kept} read from it last {stays} in use", BAD)
        elif entry.healed:
            yield Line(f"{entry.report.file} has no errors any more", GOOD)

    def _proxy(self, state: ProxyState) -> Iterator[Line]:
        name = str(state.proxy)
        match state.phase:
            case Phase.READY if self._errors.pop(name, None) is not None:
                yield Line(f"proxy {name} runs again (pid {state.pid})", GOOD)
            case Phase.READY:
                yield Line(f"proxy {name} is ready (pid {state.pid})")
            case Phase.RESTARTING | Phase.FAILING if self._errors.get(name) != state.error:
                self._errors[name] = state.error
                yield Line(f"proxy {name} ended: {state.error}; it is started again", BAD)
            case Phase.STOPPED:
                yield Line(f"proxy {name} is gone")

    def _refused(self, entry: Refused) -> Iterator[Line]:
        owners = ", ".join(
            f"{key.kind} {key.namespace}/{key.name}" + (f" ({place.file}:{place.line})" if place else "")
            for key, place in entry.origins
        )
        yield Line(f"proxy {entry.proxy} refused {entry.resource}: {entry.message}", BAD)
        because = f"it comes from {owners}; " if owners else ""
        yield Line(f"{because}the last accepted version stays in use", BAD)


def _is_trouble(found: Iterable[Finding]) -> bool:
    return any(finding.severity is not Severity.INFO for finding in found)


def _say(notice: Notice) -> Line:
    return Line(str(notice), QUIET if notice.severity is Severity.INFO else COLOURS[notice.severity])


def _named(keys: tuple[Key, ...]) -> str:
    if len(keys) > FEW:
        return count(len(keys), "object")
    return ", ".join(f"{key.kind} {key.namespace}/{key.name}" for key in keys)


def _who(ports: Iterable[ListeningPort]) -> str:
    names = dict.fromkeys("the mesh port" if is_mesh(port) else f"Gateway {port.gateway}" for port in ports)
    return ", ".join(names)


def _describe(port: ListeningPort) -> str:
    if is_mesh(port):
        return "for calls between services, by Host (--mesh-port)"
    number = f", its port {port.number}" if port.number != port.port else ""
    return f"Gateway {port.gateway}{number}, for {', '.join(port.hosts)}"


def _same_place(port: ListeningPort, other: ListeningPort) -> bool:
    return (port.gateway, port.address, port.port) == (other.gateway, other.address, other.port)
