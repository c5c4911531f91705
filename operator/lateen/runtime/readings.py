"""What Prometheus is told of an operator at the moment it asks."""

from collections import Counter
from collections.abc import Iterator

from lateen.runtime.assembly import Assembly
from lateen.runtime.expiry import expiries
from lateen.runtime.instance import Instance
from lateen.runtime.metrics import Reading

_CLASS = ("namespace", "name")


def read_instance(instance: Instance) -> Iterator[Reading]:
    """Objects, proxies and streams of one replica."""
    control = instance.control
    refuses = control.compiler.refuses
    objects: Counter[tuple[str, ...]] = Counter(
        (key.kind.value, "refused" if refuses(key) else "accepted") for key in control.origins
    )
    yield Reading("lateen_objects", "Objects that are known.", objects, ("kind", "state"))
    phases: Counter[tuple[str, ...]] = Counter(
        (*proxy, state.phase.value) for proxy, state in instance.runner.states.items()
    )
    yield Reading("lateen_proxies", "Classes of proxies.", phases, (*_CLASS, "state"))
    streams: Counter[tuple[str, ...]] = Counter(tuple(stream.stream.proxy) for stream in instance.server.streams)
    yield Reading("lateen_streams", "Proxies that this replica serves.", streams, _CLASS)
    waiting = _one(control.waiting)
    yield Reading("lateen_changes_waiting", "Changes that a proxy has not acknowledged yet.", waiting)
    ends = "When the certificate in a Secret that a proxy needs ends, in seconds since 1970."
    expiring: dict[tuple[str, ...], float] = {(key.namespace, key.name): end for key, end in expiries(control.compiler)}
    yield Reading("lateen_certificate_expiry_timestamp_seconds", ends, expiring, ("namespace", "secret"))
    unwritten = "Objects whose status the leader has still to look at or to write."
    yield Reading("lateen_status_waiting", unwritten, _one(control.unwritten))


def read_assembly(assembly: Assembly, now: float) -> Iterator[Reading]:
    """How this replica fares with the API server and with other replicas; `now` by its clock."""
    watch = assembly.source.health
    yield Reading("lateen_source_connected", "Whether the API server is being followed.", _one(watch.connected))
    if watch.last_event is not None:
        age = now - watch.last_event
        yield Reading("lateen_source_last_event_age_seconds", "Since something was heard of it.", _one(age))
    yield Reading("lateen_source_restarts", "Starts of the watcher after the first.", _one(watch.restarts), counts=True)
    missing = "Objects that were gone without the watcher saying so."
    yield Reading("lateen_audit_missing", missing, _one(watch.missing_deletions), counts=True)
    missed = "Objects that were new or changed without the watcher saying so."
    yield Reading("lateen_audit_missed", missed, _one(watch.missed_changes), counts=True)
    ends = "When the authority that signs for operator and proxies ends, in seconds since 1970; it is replaced in time."
    signer = assembly.certificates.authority.state.signer.certificate
    yield Reading("lateen_authority_expiry_timestamp_seconds", ends, _one(signer.not_after))
    yield Reading("lateen_leader", "Whether this replica leads.", _one(assembly.leadership.leading))
    yield Reading("lateen_replicas", "Other replicas that are heard.", _one(len(assembly.replicas.connected)))
    yield Reading("lateen_status_writes", "Statuses that were written.", _one(assembly.status.writes), counts=True)
    ejected = {tuple(proxy): float(count) for proxy, count in assembly.ejections.keeper.ejected_now().items()}
    yield Reading("lateen_ejections", "Hosts that are ejected now, as far as this replica reads logs.", ejected, _CLASS)
    total = {tuple(proxy): float(count) for proxy, count in assembly.ejections.keeper.ejected_total.items()}
    yield Reading("lateen_ejected_hosts", "Ejections that were heard of.", total, _CLASS, counts=True)
    overflowed: dict[tuple[str, ...], float] = {
        (*proxy, limit): float(count) for (proxy, limit), count in assembly.ejections.keeper.overflowed_total.items()
    }
    yield Reading("lateen_overflows", "Requests refused by a full pool.", overflowed, (*_CLASS, "limit"), counts=True)


def _one(value: float) -> dict[tuple[str, ...], float]:
    """The value of a metric without labels."""
    return {(): float(value)}
