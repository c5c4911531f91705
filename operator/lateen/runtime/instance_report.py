"""What `lateen status` shows of a running instance, as JSON. The shape is stable (docs/cli.md)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final, TypedDict

from lateen.infra.base import Phase, ProxyState
from lateen.infra.state import InstanceInfo
from lateen.ir.finding import Finding
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import Resource, ResourceKey
from lateen.kube.resources import NETWORKING
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin
from lateen.runtime.batches import BatchRecord
from lateen.runtime.control import Control
from lateen.runtime.instance import Instance
from lateen.runtime.listening import PortFields, describe_port
from lateen.runtime.notices import Locate, NoticeFields, in_reading_order, notice_of_finding, notice_of_problem
from lateen.runtime.resource_listing import ResourceFields, ResourceGroup, group_of, list_resources
from lateen.xds.delta import DeltaStream
from lateen.xds.report import Settlement

_TURN: Final = 200
"""Objects that are described without a break."""


class InstanceFields(TypedDict):
    """The instance itself."""

    name: str
    pid: int
    version: str
    started: str
    uptime_seconds: float
    directories: list[str]
    serving: bool
    """Whether all proxies were ready, and had acknowledged everything, once."""
    waiting: int
    """Changes that some proxy has not acknowledged yet."""
    leading: bool
    """Whether it starts proxies and writes status; of several replicas only one does."""


class TypeFields(TypedDict):
    """One type of resources on one stream."""

    type: str
    version: str
    count: int
    under_way: int
    acknowledged_seconds_ago: float | None
    rejections: int


class PendingFields(TypedDict):
    """A resource that is held back."""

    type: str
    name: str
    reason: str


class StreamFields(TypedDict):
    """One connected Envoy."""

    connected_seconds: float
    types: list[TypeFields]
    pending: list[PendingFields]
    node: str
    """What the Envoy calls itself."""
    replica: str
    """The replica that serves it; empty: the one that was asked."""


class ProxyFields(TypedDict):
    """One proxy."""

    proxy: str
    phase: str
    pid: int
    admin: str
    restarts: int
    error: str
    streams: list[StreamFields]
    pods: int
    """How many there ought to be in a cluster; 0 on a laptop."""
    ready_pods: int


class TakenFields(TypedDict):
    """A port that somebody else has."""

    proxy: str
    address: str
    port: int
    reason: str


class ChangeFields(TypedDict):
    """One batch of changes."""

    number: int
    objects: int
    seconds_ago: float
    compile_seconds: float
    live_seconds: float | None
    rejected: int


class ConditionFields(TypedDict):
    """One condition of an object."""

    type: str
    status: str
    reason: str
    message: str


class ObjectFields(TypedDict):
    """One object."""

    kind: str
    namespace: str
    name: str
    file: str
    line: int
    conditions: list[ConditionFields]


class EjectedFields(TypedDict):
    """A host that a proxy sends nothing to at the moment."""

    object: str
    """The DestinationRule, as `Kind/namespace/name`."""
    address: str
    pod: str
    service: str
    proxy: str
    cause: str
    since: str
    until: str


class Report(TypedDict):
    """Everything."""

    instance: InstanceFields
    proxies: list[ProxyFields]
    listening: list[PortFields]
    taken: list[TakenFields]
    changes: list[ChangeFields]
    objects: list[ObjectFields]
    ejected: list[EjectedFields]
    findings: list[NoticeFields]
    replicas: list[InstanceFields]
    """All replicas of an operator that were asked; empty where there is one instance."""


async def report_instance(instance: Instance, info: InstanceInfo, version: str) -> Report:
    """Describe an instance, but for the findings: see `collect_findings` and `locate_findings`."""
    control, now = instance.control, instance.clock()
    proxies = sorted({*instance.runner.states, *control.cache.proxies})
    return Report(
        instance=InstanceFields(
            name=info.name,
            pid=info.pid,
            version=version,
            started=info.started,
            uptime_seconds=round(now - instance.started, 3),
            directories=list(info.directories),
            serving=control.serving.is_set(),
            waiting=control.waiting,
            leading=control.leading,
        ),
        proxies=[_proxy(instance, proxy, now) for proxy in proxies],
        listening=[describe_port(port) for port in control.ports.open],
        taken=[
            TakenFields(proxy=str(proxy), address=held.address, port=held.port, reason=held.reason)
            for (proxy, _), held in sorted(control.guard.held.items(), key=lambda item: item[0])
        ],
        changes=[_change(record, now) for record in reversed(control.batches.records)],
        objects=[each async for each in _objects(instance)],
        ejected=_ejected(control),
        findings=[],
        replicas=[],
    )


async def collect_findings(instance: Instance) -> list[tuple[Finding, Origin | None]]:
    """Everything there is to say about objects now."""
    control = instance.control
    return [(finding, origin) async for key, origin in _in_turns(control.origins) for finding in control.findings(key)]


async def _in_turns(origins: Mapping[Key, Origin]) -> AsyncIterator[tuple[Key, Origin]]:
    """Go through objects, and let others have the loop now and then: there may be ten thousand."""
    for number, each in enumerate(sorted(origins.items())):
        if not number % _TURN:
            await asyncio.sleep(0)
        yield each


def locate_findings(
    instance: Instance, found: Iterable[tuple[Finding, Origin | None]], locate: Locate
) -> list[NoticeFields]:
    """Put findings and problems of files at their places; reads files."""
    problems = [problem for each in list(instance.control.file_problems.values()) for problem in each]
    notices = [notice_of_finding(finding, origin, locate) for finding, origin in found]
    return [notice.fields() for notice in in_reading_order([*notices, *map(notice_of_problem, problems)])]


async def report_resources(instance: Instance, group: ResourceGroup, *, proxy: str, name: str) -> list[ResourceFields]:
    """List what the proxies of an instance are given, and how far they are with it."""
    cache = instance.control.cache
    published = {owner: tuple(cache.snapshot(owner).values()) for owner in cache.proxies}
    streams = {owner: tuple(instance.server.streams_of(owner)) for owner in published}
    states: dict[tuple[ProxyId, ResourceKey], str] = {}
    for owner, resources in published.items():
        for number, resource in enumerate(resources):
            if not number % _TURN:
                await asyncio.sleep(0)
            settlements = [stream.settlement(resource.key, resource.version) for stream in streams[owner]]
            states[owner, resource.key] = _state(settlements)

    def state(owner: ProxyId, resource: Resource) -> tuple[str, int]:
        return states[owner, resource.key], len(streams[owner])

    # Ten thousand messages take seconds to print, and the proxies are not to wait for that.
    return await asyncio.to_thread(list_resources, published, group, proxy=proxy, name=name, state=state)


def _state(settlements: list[Settlement]) -> str:
    if Settlement.REJECTED in settlements:
        return "refused"
    if not settlements or Settlement.PENDING in settlements:
        return "pending"
    return "unused" if all(each is Settlement.UNASKED for each in settlements) else "acknowledged"


def _proxy(instance: Instance, proxy: ProxyId, now: float) -> ProxyFields:
    state = instance.runner.states.get(proxy) or ProxyState(proxy, Phase.STARTING)
    return ProxyFields(
        proxy=str(proxy),
        phase=state.phase.value,
        pid=state.pid,
        admin=state.admin,
        restarts=state.restarts,
        error=state.error,
        streams=[_stream(stream, now) for stream in instance.server.streams_of(proxy)],
        pods=state.pods,
        ready_pods=state.ready_pods,
    )


def _stream(stream: DeltaStream, now: float) -> StreamFields:
    report = stream.report()
    return StreamFields(
        node=report.stream.node,
        replica="",
        connected_seconds=round(now - report.connected_at, 3),
        types=[
            TypeFields(
                type=group_of(each.type).value,
                version=each.version,
                count=each.count,
                under_way=each.under_way,
                acknowledged_seconds_ago=None if each.acknowledged_at is None else round(now - each.acknowledged_at, 3),
                rejections=each.rejections,
            )
            for each in report.types
        ],
        pending=[
            PendingFields(type=group_of(each.key.type).value, name=each.key.name, reason=each.reason)
            for each in report.pending
        ],
    )


def _ejected(control: Control) -> list[EjectedFields]:
    rules = sorted(key for key in control.origins if key.kind is Kind.DESTINATION_RULE)
    return [
        EjectedFields(
            object=str(key),
            address=host.address,
            pod=host.pod,
            service=host.service,
            proxy=host.proxy,
            cause=host.cause,
            since=host.since,
            until=host.until,
        )
        for key in rules
        for host in control.ejections(key)
    ]


def _change(record: BatchRecord, now: float) -> ChangeFields:
    return ChangeFields(
        number=record.number,
        objects=record.objects,
        seconds_ago=round(now - record.at, 3),
        compile_seconds=round(record.compiled, 6),
        live_seconds=None if record.live is None else round(record.live, 6),
        rejected=record.rejected,
    )


async def _objects(instance: Instance) -> AsyncIterator[ObjectFields]:
    control = instance.control
    async for key, origin in _in_turns(control.origins):
        if origin.file or key.kind in NETWORKING:  # an API server has many Services and the like, which are its own
            yield ObjectFields(
                kind=key.kind.value,
                namespace=key.namespace,
                name=key.name,
                file=origin.file,
                line=origin.line,
                conditions=[
                    ConditionFields(type=each.type.value, status=each.status, reason=each.reason, message=each.message)
                    for each in control.status(key).conditions
                ],
            )
