"""`lateen status`: a running instance at a glance."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from lateen.cli.client import ask, ask_operator
from lateen.cli.target import Cluster, cluster_options
from lateen.cli.terminal import ago, count, milliseconds, table
from lateen.errors import LateenError

if TYPE_CHECKING:
    from lateen.runtime.instance_report import (
        EjectedFields,
        InstanceFields,
        ObjectFields,
        ProxyFields,
        Report,
        StreamFields,
    )
    from lateen.runtime.notices import NoticeFields

CHANGES: Final = 5
"""The latest changes that people are shown; JSON has all that are remembered."""

PENDING: Final = 5
"""Resources that wait, likewise."""

OBJECTS: Final = 50
"""If there are more objects, people are shown those only that something is to be said of."""


@click.command()
@click.option(
    "--name", "--instance", default="default", show_default=True, help="Name of the instance, as given to `lateen up`."
)
@click.option(
    "--output", "-o", "form", type=click.Choice(["human", "json"]), default="human", show_default=True, help="Format."
)
@click.option("--namespace", "-n", help="Only objects of this namespace.")
@cluster_options
def command(name: str, form: str, cluster: Cluster | None, namespace: str | None) -> None:
    """Show a running instance, or the operator of a cluster: proxies, latest changes, objects, findings.

    Exit code 0: it runs; 1: it does not, or does not answer.
    """
    try:
        report: Report = asyncio.run(_ask(name, cluster))
    except LateenError as error:
        click.echo(f"lateen: {error}", err=True)
        sys.exit(1)
    if namespace:
        report["objects"] = [each for each in report["objects"] if each["namespace"] == namespace]
        report["findings"] = [each for each in report["findings"] if each["namespace"] == namespace]
    if form == "json":
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for line in describe(report):
        title = bool(line) and not line.startswith(" ") and line == line.upper()
        click.secho(line, bold=title)


async def _ask(name: str, cluster: Cluster | None) -> "Report":
    if cluster is None:
        report: Report = await ask(name, "/v1/status", {})
        return report
    from lateen.runtime.replica_reports import merge_reports  # noqa: PLC0415 - takes most of a second

    return merge_reports(await ask_operator(cluster, "/v1/status", {}))


def describe(report: "Report") -> Iterator[str]:
    """Say it in lines; titles are in capitals."""
    yield from _replicas(report["replicas"]) if report["replicas"] else _instance(report)
    for title, lines in (
        ("PROXIES", [line for proxy in report["proxies"] for line in _proxy(proxy)]),
        ("LISTENING", _ports(report)),
        ("CHANGES", _changes(report)),
        ("OBJECTS", _objects(report)),
        ("EJECTED", [f"  {_ejected(each)}" for each in report.get("ejected", ())]),
        ("FINDINGS", [f"  {_notice(each)}" for each in report["findings"]]),
    ):
        if lines:
            yield ""
            yield title
            yield from lines


def _instance(report: "Report") -> Iterator[str]:
    instance = report["instance"]
    yield (
        f"instance {instance['name']!r} (pid {instance['pid']}, lateen {instance['version']}),"
        f" up for {ago(instance['uptime_seconds'])}, reads {', '.join(instance['directories'])}: {_state(instance)}"
    )


def _replicas(replicas: "list[InstanceFields]") -> Iterator[str]:
    for replica in replicas:
        leads = ", leads" if replica["leading"] else ""
        yield (
            f"operator {replica['name']} (lateen {replica['version']}),"
            f" up for {ago(replica['uptime_seconds'])}{leads}: {_state(replica)}"
        )
    if not any(replica["leading"] for replica in replicas):
        yield "no replica leads at the moment: proxies are served, but neither started nor reported on"


def _state(instance: "InstanceFields") -> str:
    waiting = instance["waiting"]
    late = f", {count(waiting, 'change')} not acknowledged yet" if waiting else ""
    return ("serving" if instance["serving"] else "starting") + late


def _proxy(proxy: "ProxyFields") -> Iterator[str]:
    state = f"{proxy['phase']}, pid {proxy['pid']}" if proxy["pid"] else proxy["phase"]
    if proxy["pods"]:
        state += f", {proxy['ready_pods']} of {count(proxy['pods'], 'pod')} ready"
    restarts = f", started again {count(proxy['restarts'], 'time')}" if proxy["restarts"] else ""
    admin = f", admin http://{proxy['admin']}" if proxy["admin"] else ""
    yield f"  {proxy['proxy']}: {state}{restarts}{admin}"
    if proxy["error"]:
        yield f"    {proxy['error']}"
    streams = proxy["streams"]
    if any(stream["replica"] for stream in streams):
        yield from _many(streams)
    else:
        for stream in streams:
            yield f"    connected for {ago(stream['connected_seconds'])}"
            yield from _types(stream)
    pending = [each for stream in streams for each in stream["pending"]]
    for each in pending[:PENDING]:
        yield f"    waits: {each['type']} {each['name']}: {each['reason']}"
    if pending[PENDING:]:
        yield f"    and {len(pending) - PENDING} more wait"


def _types(stream: "StreamFields") -> list[str]:
    """A row for each type of resources on one stream."""
    rows = [("type", "acknowledged", "under way", "version", "last ACK", "NACKs")]
    for each in stream["types"]:
        numbers = (str(each["count"]), str(each["under_way"]), each["version"] or "-")
        rows.append((each["type"], *numbers, _when(each["acknowledged_seconds_ago"]), str(each["rejections"])))
    return table(rows, "    ")


def _many(streams: "list[StreamFields]") -> list[str]:
    """A row for each stream."""
    rows = [("proxy", "connected", "to", "acknowledged", "under way", "last ACK", "NACKs")]
    for stream in streams:
        types = stream["types"]
        acknowledged = [each["acknowledged_seconds_ago"] for each in types]
        rows.append(
            (
                stream["node"],
                f"for {ago(stream['connected_seconds'])}",
                stream["replica"],
                str(sum(each["count"] for each in types)),
                str(sum(each["under_way"] for each in types)),
                _when(min((each for each in acknowledged if each is not None), default=None)),
                str(sum(each["rejections"] for each in types)),
            )
        )
    return table(rows, "    ")


def _when(seconds: float | None) -> str:
    return "never" if seconds is None else f"{ago(seconds)} ago"


def _ports(report: "Report") -> list[str]:
    inside = bool(report["replicas"])  # of pods, whose addresses nobody calls
    rows = [
        (
            port["proxy"] if inside else port["url"],
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
    objects = report["objects"]
    if not objects:
        return []
    shown = objects if len(objects) <= OBJECTS else [each for each in objects if not _is_live(each)]
    in_files = any(each["file"] for each in shown)
    names = ("Accepted", "ResolvedRefs", "Programmed")
    rows: list[tuple[str, ...]] = [("object", *names, *(["file"] if in_files else ()))]
    for each in shown:
        found: dict[str, Any] = {condition["type"]: condition for condition in each["conditions"]}
        answers = (_answer(found.get(name)) for name in names)
        place = (f"{each['file']}:{each['line']}",) if in_files else ()
        rows.append((f"{each['kind']} {each['namespace']}/{each['name']}", *answers, *place))
    rest = len(objects) - len(shown)
    noun = "other object" if shown else "object"
    more = [f"  {count(rest, noun)}, all accepted, resolved and programmed"] if rest else []
    return [*(table(rows, "  ") if shown else ()), *more]


def _is_live(each: "ObjectFields") -> bool:
    return all(condition["status"] == "True" for condition in each["conditions"])


def _answer(condition: Any) -> str:
    """`True`, or what keeps it from being so."""
    if condition is None:
        return "-"
    status: str = condition["status"]
    return status if status == "True" else f"{status} ({condition['reason']})"


def _ejected(each: "EjectedFields") -> str:
    host = f"{each['pod']} ({each['address']})" if each["pod"] else each["address"]
    return f"{host} of {each['service']}, by proxy {each['proxy']} until {each['until']}: {each['cause']}"


def _notice(each: "NoticeFields") -> str:
    place = ":".join(str(part) for part in (each["file"], each["line"], each["column"]) if part)
    subject = f" {each['kind']} {each['namespace']}/{each['name']}" if each["kind"] else ""
    path = f"{each['path']}: " if each["path"] else ""
    return f"{place + ': ' if place else ''}{each['severity']}{subject}: {path}{each['message']} [{each['code']}]"
