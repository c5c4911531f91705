"""Everything that is to be said of an object at the moment. It is asked when status is written, and changes nothing."""

from collections.abc import Callable, Mapping

from lateen.compile.codes import Code
from lateen.compile.compiler import Compiler
from lateen.ir.finding import Finding
from lateen.model.keys import Key
from lateen.model.objects import Origin
from lateen.runtime.progress import Streams, as_clients_see
from lateen.runtime.publication import Publication
from lateen.runtime.seams import Seams
from lateen.status.base import EjectedHost, ObjectStatus
from lateen.status.conditions import Progress, conditions


class Statements:
    """Puts together what compiler, proxies and other replicas say of one object."""

    def __init__(
        self,
        compiler: Compiler,
        publication: Publication,
        seams: Seams,
        *,
        origins: Mapping[Key, Origin],
        streams: Streams,
        ejections: Callable[[Key], tuple[EjectedHost, ...]],
    ) -> None:
        """Ask nobody yet.

        Args:
            compiler: what is wrong with objects.
            publication: what proxies were given.
            seams: other replicas, and the proxies that run.
            origins: the objects that there are.
            streams: those that count, by class of proxies.
            ejections: hosts that are ejected because of a DestinationRule.
        """
        self._compiler = compiler
        self._publication = publication
        self._seams = seams
        self._origins = origins
        self._streams = streams
        self._ejections = ejections

    def findings(self, key: Key) -> tuple[Finding, ...]:
        """Everything there is to say about an object, taken ports and the proxies' refusals included."""
        found = [*self._compiler.findings_of(key), *self._publication.ports.findings(key)]
        cache = self._publication.cache
        for proxy, rejection in cache.quarantine.about(key):
            desired = cache.desired(proxy)
            wanted = desired.get(rejection.key) if desired is not None else None
            if wanted is not None and wanted.version == rejection.version:
                message = f"proxy {proxy} refused {rejection.key.name}: {rejection.message}"
                found.append(Code.REJECTED.about(key, message))
        return tuple(found)

    def progress(self, key: Key) -> Progress | None:
        """How far this replica's own proxies are with an object; None: no proxy needs it."""
        return self._publication.parts.progress(key, self._publication.cache, self._streams)

    def status(self, key: Key) -> ObjectStatus:
        """What users are told about an object; no conditions when it is gone."""
        origin = self._origins.get(key)
        if origin is None:
            return ObjectStatus(())
        heard = self._seams.others.total(key, self.progress(key))
        progress = as_clients_see(heard, self._publication.parts.classes_of(key), self._seams.runner.states)
        found = conditions(self.findings(key), progress, kind=key.kind, generation=origin.generation)
        return ObjectStatus(
            found,
            origin.generation,
            self._ejections(key),
            is_served=progress is None or progress.proxies > 0,
            is_arriving=heard is not None and heard.is_arriving,
        )
