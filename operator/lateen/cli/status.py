"""`lateen status`: a running instance at a glance."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from lateen.cli.client import ask
from lateen.cli.terminal import ago, count, milliseconds, table
from lateen.errors import LateenError

if TYPE_CHECKING:
    from lateen.runtime.instance_report import ProxyFields, Report
    from lateen.runtime.notices import NoticeFields

CHANGES: Final = 5
"""The latest changes that people are shown; JSON has all that are remembered."""

PENDING: Final = 5
"""Resources that wait, likewise."""


@click.command()
@click.option(
    "--name", "--instance", default="default", show_default=True, help="Name of the instance, as given to `lateen up`."
)
@click.option(
    "--output", "-o", "form", type=click.Choice(["human", "json"]), default="human", show_default=True, help="Format."
)
def command(name: str, form: str) -> None:
    """Show a running instance: proxies, where they listen, the latest changes, objects, findings.

    Exit code 0: it runs; 1: it does not, or does not answer.
    """
    try:
        report: Report = asyncio.run(ask(name, "/v1/status", {}))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)
    if form == "json":
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for line in describe(report):
        title = bool(line) and not line.startswith(" ") and line == line.upper()
        click.secho(line, bold=title)


def describe(report: "Report") -> Iterator[str]:
    """Say it in lines; titles are in capitals."""
    yield from _instance(report)
    for title, lines in (
        ("PROXIES", [line for proxy in report["proxies"] for line in _proxy(proxy)]),
        ("LISTENING", _ports(report)),
        ("CHANGES", _changes(report)),
        ("OBJECTS", _objects(report)),
        ("FINDINGS", [f"  {_notice(each)}" for each in report["findings"]]),
    ):
        if lines:
            yield ""
            yield title
            yield from lines


def _instance(report: "Report") -> Iterator[str]:
    instance = report["instance"]
    waiting = instance["waiting"]
    state = "serving" if instance["serving"] else "starting"
    if waiting:
        state += f", {count(waiting, 'change')} not acknowledged yet"
    yield (
        f"instance {instance['name']!r} (pid {instance['pid']}, lateen {instance['version']}),"
        f" up for {ago(instance['uptime_seconds'])}, reads {', '.join(instance['directories'])}: {state}"
    )


def _proxy(proxy: "ProxyFields") -> Iterator[str]:
    state = f"{proxy['phase']}, pid {proxy['pid']}" if proxy["pid"] else proxy["phase"]
    restarts = f", started again {count(proxy['restarts'], 'time')}" if proxy["restarts"] else ""
    admin = f", admin http://{proxy['admin']}" if proxy["admin"] else ""
    yield f"  {proxy['proxy']}: {state}{restarts}{admin}"
    if proxy["error"]:
        yield f"    {proxy['error']}"
    for stream in proxy["streams"]:
        yield f"    connected for {ago(stream['connected_seconds'])}"
        rows = [("type", "acknowledged", "under way", "version", "last ACK", "NACKs")]
        for each in stream["types"]:
            last = each["acknowledged_seconds_ago"]
            acknowledged = "never" if last is None else f"{ago(last)} ago"
            version = each["version"] or "-"
            numbers = (str(each["count"]), str(each["under_way"]), version, acknowledged, str(each["rejections"]))
            rows.append((each["type"], *numbers))
        yield from table(rows, "    ")
        for pending in stream["pending"][:PENDING]:
            yield f"    waits: {pending['type']} {pending['name']}: {pending['reason']}"
        if stream["pending"][PENDING:]:
            yield f"    and {len(stream['pending']) - PENDING} more wait"


def _ports(report: "Report") -> list[str]:
    rows = [
        (
            port["url"],
            "the mesh port" if port["gateway"] == "mesh" else f"Gateway {port['gateway']}",
            f"port {port['number']}",
            ", ".join(port["hosts"]),
        )
        for port in report["listening"]
    ]
    taken = [f"  {each['reason']}; proxy {each['proxy']} waits until it is free" for each in report["taken"]]
    return [*table(rows, "  "), *taken]


def _changes(report: "Report") -> list[str]:
    rows = []
    for change in report["changes"][:CHANGES]:
        live = change["live_seconds"]
        arrived = "not live yet" if live is None else f"live in {milliseconds(live)}"
        if change["rejected"]:
            arrived += f", {count(change['rejected'], 'resource')} refused"
        compiled = f"compiled in {milliseconds(change['compile_seconds'])}"
        when = f"{ago(change['seconds_ago'])} ago"
        rows.append((f"#{change['number']}", when, count(change["objects"], "object"), compiled, arrived))
    return table(rows, "  ")


def _objects(report: "Report") -> list[str]:
    if not report["objects"]:
        return []
    names = ("Accepted", "ResolvedRefs", "Programmed")
    rows: list[tuple[str, ...]] = [("object", *names, "file")]
    for each in report["objects"]:
        found: dict[str, Any] = {condition["type"]: condition for condition in each["conditions"]}
        answers = (_answer(found.get(name)) for name in names)
        rows.append((f"{each['kind']} {each['namespace']}/{each['name']}", *answers, f"{each['file']}:{each['line']}"))
    return table(rows, "  ")


def _answer(condition: Any) -> str:
    """`True`, or what keeps it from being so."""
    if condition is None:
        return "-"
    status: str = condition["status"]
    return status if status == "True" else f"{status} ({condition['reason']})"


def _notice(each: "NoticeFields") -> str:
    place = ":".join(str(part) for part in (each["file"], each["line"], each["column"]) if part)
    subject = f" {each['kind']} {each['namespace']}/{each['name']}" if each["kind"] else ""
    path = f"{each['path']}: " if each["path"] else ""
    return f"{place + ': ' if place else ''}{each['severity']}{subject}: {path}{each['message']} [{each['code']}]"
