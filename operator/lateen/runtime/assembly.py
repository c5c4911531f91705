"""The parts of an operator, and what each batch of changes means for them."""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from lateen.certificates.certificate import find_fault_in_pair
from lateen.compile.compiler import Outcome
from lateen.compile.settings import CompileSettings, ProxyScope
from lateen.envoy.endpoint import print_address
from lateen.errors import ProxyError
from lateen.infra.base import OnState, ProxyPlan
from lateen.infra.kube import KubeProxyRunner
from lateen.infra.naming import object_name
from lateen.infra.pods import PORT_RULES, ControlPlane, plan_pods
from lateen.ir.deployment import PROXY_LABEL
from lateen.ir.proxy import ProxyId
from lateen.ir.resource import ResourceType
from lateen.kube.budget import WriteBudget
from lateen.kube.cluster import Cluster
from lateen.kube.events import EventRecorder
from lateen.kube.fence import FencedClient
from lateen.kube.lease import LeaseLeadership, candidate_name
from lateen.kube.watching import WatchSettings
from lateen.model.endpointslice import SERVICE_LABEL
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin, Severity
from lateen.runtime.certificate_keeper import CertificateKeeper, CertificateSettings
from lateen.runtime.control import Control
from lateen.runtime.ejections.facts import ProxyPod
from lateen.runtime.ejections.watch import EjectionWatch, pod_logs
from lateen.runtime.health import Health
from lateen.runtime.instance import Outfit
from lateen.runtime.journal import Compiled, Entry, ProxyChanged
from lateen.runtime.metrics import Metrics
from lateen.runtime.proxy_troubles import ProxyTroubles
from lateen.runtime.replicas import Replicas
from lateen.runtime.seams import Seams
from lateen.runtime.service_log import log_entry
from lateen.runtime.transitions import Transitions
from lateen.runtime.webhook_keeper import WebhookKeeper
from lateen.settings import AUTHORITY_SECRET, LEASE, OperatorSettings
from lateen.sources.kube import KubeSource
from lateen.status.conditions import Progress
from lateen.status.kube import KubeStatusSink
from lateen.validation.intake import Intake
from lateen.xds.cache import ResourceCache
from lateen.xds.events import StreamObserver
from lateen.xds.peers import Caller, offer
from lateen.xds.server import DiscoveryServer
from lateen.xds.transport import LEAVE_AFTER, Transport

SECRETS_PATIENCE: Final = 10.0
"""Seconds in which the Secrets that proxies need should have been read; proxies are served without the rest then."""

FIRST_STATUS: Final = 10.0
"""Seconds that proxies get to come back before status is written that counts without them."""

_EVENT_LOG: Final = "/dev/stdout"
"""Where proxies write of ejections and overflows: the leader reads their pods' logs."""

_NAMING_SECRETS: Final = frozenset({ResourceType.LISTENER, ResourceType.CLUSTER})


class Assembly:
    """Everything that one replica is made of, besides what every instance is."""

    def __init__(self, settings: OperatorSettings, pod: str, cluster: Cluster, *, clock: Callable[[], float]) -> None:
        """Make the parts; nothing runs, and nothing is sent.

        Args:
            settings: of the operator.
            pod: name of this replica.
            cluster: how to reach the API server.
            clock: monotonic seconds.
        """
        self.settings = settings
        self.health = Health()
        self.metrics = Metrics()
        self._clock = clock
        client = self._client = cluster.client
        self.leadership = LeaseLeadership(client, settings.namespace, candidate_name(pod), name=LEASE, clock=clock)
        self._writer = writer = FencedClient.behind(self.leadership, client)
        self.certificates = CertificateKeeper(client, self.leadership, certificate_settings(settings), writer=writer)
        self.budget = WriteBudget(settings.status.writes_per_second, settings.status.burst, clock=clock)
        self.recorder = EventRecorder(writer, self._origin, instance=pod, budget=self.budget, clock=clock)
        self.status = KubeStatusSink(
            writer,
            on_written=Transitions(self.recorder).note,
            on_altered=self._put_right,
        )
        self.source = KubeSource(
            client,
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            on_status=self.status.observe,
            settings=watch_settings(settings),
            clock=clock,
        )
        self.replicas = Replicas(
            self._progress,
            lambda: tuple(self.control.origins),
            call=self._call,
            on_news=self._look_again,
        )
        self.control: Control
        self.runner: KubeProxyRunner
        self.ejections: EjectionWatch
        self.troubles: ProxyTroubles
        self._caller: Caller
        self._own_addresses: Collection[str] = ()
        self._dual_stack = False
        self._secrets: frozenset[Key] = frozenset()
        self._classes: dict[tuple[str, str], ProxyId] = {}

    def outfit(self, own_addresses: Collection[str], xds_address: str) -> Outfit:
        """What an instance has to know; call it once, when the authority is there.

        Args:
            own_addresses: IP addresses of this replica: it knows itself among the others by them, and that
                pods of this cluster have IPv6.
            xds_address: where to listen.
        """
        settings = self.settings
        host = xds_host(settings)
        self._own_addresses = own_addresses
        self._dual_stack = any(ip_address(each).version == 6 for each in own_addresses)
        security = self.certificates.security()
        self._caller = Caller(security.bearer, host)

        def build_server(cache: ResourceCache, observe: StreamObserver) -> DiscoveryServer:
            transport = Transport(security, leave_after=LEAVE_AFTER)
            server = DiscoveryServer(cache, observer=observe, clock=self._clock, transport=transport)
            server.add_services(offer(server.gate, self.replicas.messages))
            return server

        async def bind(server: DiscoveryServer) -> str:
            await server.start(xds_address)
            return f"{host}:{settings.xds_port}"

        return Outfit(
            compile=compile_settings(settings, dual_stack=self._dual_stack),
            intake=_door(),
            source=self.source,
            build_seams=self._build_seams,
            build_server=build_server,
            bind=bind,
            plan=self._plan,
            observe=self.metrics.observe,
            on_control=self._meet,
            before_serving=self._await_secrets,
        )

    def tasks(self) -> Mapping[str, Callable[[], Coroutine[None, None, None]]]:
        """What runs beside an instance, by name; who leads is decided last."""
        following = {"ejections": self.ejections.run} if self.settings.ejections.enabled else {}
        return {
            "events": self.recorder.run,
            "replicas": self.replicas.run,
            "proxies": self._keep_proxies,
            **({"webhook": self._keep_webhook} if self.settings.webhook.enabled else {}),
            **following,
            "leadership": self.leadership.run,
        }

    def hear(self, entry: Entry) -> None:
        """Take note of an entry of the journal: what it means first, what is told of it last."""
        if isinstance(entry, ProxyChanged):
            self.troubles.hear(entry.state)
        if isinstance(entry, Compiled):
            self._follow_batch(entry.outcome)
        self.metrics.hear(entry)
        log_entry(entry)

    def _follow_batch(self, outcome: Outcome) -> None:
        """What a batch means for all that is not `Control`: Secrets, pods, other replicas."""
        for proxy, wanted in outcome.proxies.items():
            self._note_class(proxy, wanted=wanted is not None)
        pods: Iterable[Key] = (key for key in (*outcome.accepted, *outcome.removed) if key.kind is Kind.POD)
        if any(outcome.proxies.values()):  # pods of a class may have been there before it
            pods = (*self.control.compiler.graph.inputs.pods.values, *pods)
        for pod in pods:
            self._note_pod(pod)
        if any(key.type in _NAMING_SECRETS for changed in outcome.resources.values() for key in changed):
            self._want_secrets()
        changed = {
            key.kind for key in (*outcome.accepted, *outcome.removed) if key.namespace == self.settings.namespace
        }
        if Kind.ENDPOINT_SLICE in changed:
            self.replicas.meet(self._addresses_of_others())

    def _build_seams(self, on_state: OnState) -> Seams:
        settings = self.settings
        self.runner = KubeProxyRunner(
            self._writer,
            settings.proxies,
            instance=settings.namespace,
            identities=self.certificates,
            namespace=settings.namespace if settings.gateways.scope == "cluster" else "",
            on_state=on_state,
        )
        return Seams(
            self.runner,
            self.status,
            self.leadership,
            self.hear,
            budget=self.budget,
            patience=FIRST_STATUS,
            others=self.replicas,
            scales=True,
            removal_delay=settings.proxies.removal.delay_seconds,
        )

    def _meet(self, control: Control) -> None:
        self.control = control
        gateways = control.compiler.graph.placement.selected_by.sorted_keys
        self.troubles = ProxyTroubles(gateways, self.recorder, lambda: self.leadership.leading)
        self.ejections = EjectionWatch(control, self.recorder, self.leadership, pod_logs(self._client))
        control.ejections = self.ejections.keeper.of

    async def _keep_proxies(self) -> None:
        """Put back what somebody changed, and have removed what no Gateway needs."""
        await self.runner.run(
            leads=lambda: self.leadership.leading,
            wanted=lambda: self.control.compiler.graph.placement.proxies.values,
            on_unwanted=self.control.proxies.let_go,
        )

    async def _keep_webhook(self) -> None:
        """Answer the API server about objects that are not stored yet."""
        settings = self.settings
        certificate = self.certificates.issue_server([f"{settings.service_names.webhook}.{settings.namespace}.svc"])
        await WebhookKeeper(self._writer, self.leadership, settings.webhook, _door(), certificate).run()

    # Parts that are made before `Control` reach it through these.

    def _origin(self, key: Key) -> Origin | None:
        return self.control.origins.get(key)

    def _progress(self, key: Key) -> Progress | None:
        return self.control.progress(key)

    def _look_again(self, keys: Iterable[Key]) -> None:
        self.control.look_again(keys)

    def _put_right(self, key: Key) -> None:
        self.control.put_right(key)

    def _call(self, address: str) -> AsyncIterator[bytes]:
        return self._caller.follow(address)

    def _want_secrets(self) -> None:
        wanted = self.control.compiler.secrets()
        if wanted != self._secrets:
            self._secrets = wanted
            self.source.want_secrets(wanted)

    async def _await_secrets(self, control: Control) -> None:
        """Have the Secrets before the first proxy comes: what is not there yet would be taken from it."""
        await self.source.secrets_read(SECRETS_PATIENCE)
        control.flush()

    def _addresses_of_others(self) -> Iterator[str]:
        """Where other replicas are, by the slices of their headless Service."""
        namespace, service = self.settings.namespace, self.settings.service_names.peers
        for key, found in self.control.compiler.graph.inputs.endpoint_slices.values.items():
            if key.namespace == namespace and found.meta.labels.get(SERVICE_LABEL) == service:
                for endpoint in found.spec.endpoints:
                    if endpoint.addresses and endpoint.addresses[0] not in self._own_addresses:
                        yield print_address(endpoint.addresses[0], self.settings.xds_port)

    def _plan(self, control: Control, proxy: ProxyId, address: str) -> ProxyPlan:
        """How the pods of a class are to run.

        Raises:
            ProxyError: no Gateway wants it any more.
        """
        deployment = control.compiler.deployment(proxy)
        if deployment is None:
            raise ProxyError(f"no Gateway needs proxies {proxy} any more")
        log = _EVENT_LOG if self.settings.ejections.enabled else ""
        return plan_pods(deployment, ControlPlane(address, xds_host(self.settings), log, self._dual_stack))

    def _note_class(self, proxy: ProxyId, *, wanted: bool) -> None:
        """A class of proxies is wanted, or not any more: its pods are known by its name."""
        name = object_name(proxy)
        if wanted:
            self._classes[proxy.namespace, name] = proxy
        else:
            self._classes.pop((proxy.namespace, name), None)

    def _note_pod(self, key: Key) -> None:
        """A pod came, changed or went: if it is a proxy's, its log is followed."""
        found = self.control.compiler.graph.inputs.pods.values.get(key)
        name = found.meta.labels.get(PROXY_LABEL, "") if found is not None else ""
        proxy = self._classes.get((key.namespace, name))
        if proxy is None:
            self.ejections.pod_gone(key.namespace, key.name)
        else:
            self.ejections.pod_appeared(ProxyPod(key.namespace, key.name, proxy))


def _door() -> Intake:
    """Field validation is the API server's: what it let through with a warning is used without the field."""
    return Intake(unknown_fields=Severity.WARNING)


def xds_host(settings: OperatorSettings) -> str:
    """The name by which proxies call, and that all replicas have in their certificates."""
    return f"{settings.service_names.xds}.{settings.namespace}.svc"


def compile_settings(settings: OperatorSettings, *, dual_stack: bool = False) -> CompileSettings:
    """What the compiler has to know of a cluster: pods of their own for each class, without privileges.

    Args:
        settings: of the operator.
        dual_stack: pods have addresses of IPv6.
    """
    shared = settings.gateways.scope == "cluster"
    return CompileSettings(
        domain=settings.cluster_domain,
        root_namespace=settings.root_namespace,
        check_pair=find_fault_in_pair,
        proxy_scope=ProxyScope.SHARED if shared else ProxyScope.NAMESPACE,
        shared_namespace=settings.namespace if shared else "",
        ports=replace(PORT_RULES, dual_stack=dual_stack),
        event_log=_EVENT_LOG if settings.ejections.enabled else "",
        deploys=True,
        pod_labels=settings.proxies.pod_labels,
        options=settings.gateways.options,
    )


def certificate_settings(settings: OperatorSettings) -> CertificateSettings:
    """What certificates are called."""
    return CertificateSettings(
        namespace=settings.namespace,
        hosts=(xds_host(settings),),
        trust_domain=settings.trust_domain,
        secret=AUTHORITY_SECRET,
    )


def watch_settings(settings: OperatorSettings) -> WatchSettings:
    """How closely the API server is watched."""
    return WatchSettings(audit_period=settings.watch.audit_seconds)
