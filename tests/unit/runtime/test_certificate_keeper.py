"""Certificates of proxies and of this replica, over days that pass in no time."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs
from tests.unit.runtime.secrets_api import Clock, SecretsApi, settle, until

from lateen.certificates.authority import Lifetimes
from lateen.certificates.certificate import Certificate
from lateen.certificates.identity import operator_identity, proxy_identity
from lateen.certificates.stored import Bearer, decode_bearer
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError
from lateen.kube.ownership import ForeignObjectError
from lateen.runtime.authority_keeper import ROTATE
from lateen.runtime.certificate_keeper import CertificateKeeper, CertificateSettings
from lateen.runtime.leadership import AlwaysLeader

EDGE = ProxyId("edge", "istio=ingressgateway")
SECRET = ("edge", "lateen-ingressgateway-xds")
AUTHORITY = ("lateen-system", "lateen-ca")
LABELS = {
    "app.kubernetes.io/managed-by": "lateen",
    "lateen.io/instance": "lateen-system",
    "lateen.io/proxy": "lateen-ingressgateway",
}
HOST = "lateen-xds.lateen-system.svc"
HOUR = 3600.0


class Turns:
    """Leads when told to."""

    def __init__(self, *, leading: bool = True) -> None:
        """Begin."""
        self.leading = leading
        self._changed = asyncio.Condition()

    async def set(self, *, leading: bool) -> None:
        """Change who leads."""
        async with self._changed:
            self.leading = leading
            self._changed.notify_all()

    async def wait_until(self, *, leading: bool) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.leading is leading)


@asynccontextmanager
async def at_work(
    api: SecretsApi, clock: Clock, turns: Turns | AlwaysLeader, lifetimes: Lifetimes | None = None
) -> AsyncIterator[CertificateKeeper]:
    """Run the keeper of one instance."""
    settings = CertificateSettings("lateen-system", (HOST,), lifetimes=lifetimes or Lifetimes())
    keeper = CertificateKeeper(api, turns, settings, clock=clock, chance=lambda: 0.0, sleep=clock.sleep)
    await keeper.start()
    task = asyncio.create_task(keeper.run())
    await settle()
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
def api() -> SecretsApi:
    return SecretsApi()


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
async def keeper(api: SecretsApi, clock: Clock) -> AsyncIterator[CertificateKeeper]:
    async with at_work(api, clock, AlwaysLeader()) as keeper:
        yield keeper


def _bearer(api: SecretsApi) -> Bearer:
    return decode_bearer(api.secrets[SECRET]["data"])


async def test_a_wanted_proxy_gets_a_secret_that_pods_can_mount(api: SecretsApi, keeper: CertificateKeeper) -> None:
    await keeper.ensure(EDGE)
    secret = api.secrets[SECRET]
    certificate = _bearer(api).pair.certificate
    assert secret["type"] == "kubernetes.io/tls"
    assert secret["metadata"]["labels"] == LABELS
    assert certificate.uris == (proxy_identity(EDGE, "cluster.local"),)
    assert keeper.authority.state.vouches_for(certificate)
    assert b64decode(secret["data"]["ca.crt"]) == keeper.authority.state.bundle


async def test_a_certificate_is_renewed_at_two_thirds_of_its_life(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    first = _bearer(api)
    await clock.advance(15 * HOUR)
    assert _bearer(api) == first
    await clock.advance(1.1 * HOUR)
    assert _bearer(api) != first


async def test_a_secret_is_read_once_and_looked_at_without_its_data_after_that(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    await clock.advance(HOUR)
    assert api.requests.count("get") == 1
    assert api.requests.count("apply") == 1
    assert api.requests.count("get metadata") >= 50


async def test_after_a_restart_good_certificates_are_kept(api: SecretsApi, clock: Clock) -> None:
    async with at_work(api, clock, AlwaysLeader()) as keeper:
        await keeper.ensure(EDGE)
    first = _bearer(api)
    await clock.advance(HOUR)
    async with at_work(api, clock, AlwaysLeader()) as keeper:
        await keeper.ensure(EDGE)
        await clock.advance(HOUR)
        assert _bearer(api) == first
        await clock.advance(15 * HOUR)
        assert _bearer(api) != first, "and renewed when they are due"


async def test_after_an_upgrade_a_good_certificate_gets_the_labels_of_today(api: SecretsApi, clock: Clock) -> None:
    async with at_work(api, clock, AlwaysLeader()) as keeper:
        await keeper.ensure(EDGE)
    secret = api.secrets[SECRET]
    labels = {name: value for name, value in LABELS.items() if name != "lateen.io/proxy"}
    api.put({**secret, "metadata": {**secret["metadata"], "labels": labels}})
    async with at_work(api, clock, AlwaysLeader()) as keeper:
        await keeper.ensure(EDGE)
        assert api.secrets[SECRET]["metadata"]["labels"] == LABELS


async def test_a_secret_that_was_deleted_is_back_within_a_minute(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    api.remove(*SECRET)
    await clock.advance(60)
    assert SECRET in api.secrets


@pytest.mark.parametrize("data", [{}, {"tls.crt": "?", "tls.key": "?"}])
async def test_a_secret_that_was_spoilt_is_good_within_a_minute(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper, data: dict[str, str]
) -> None:
    await keeper.ensure(EDGE)
    api.put({**api.secrets[SECRET], "data": data})
    await clock.advance(60)
    assert _bearer(api).pair.certificate.uris == (proxy_identity(EDGE, "cluster.local"),)


async def test_a_secret_that_others_only_annotated_keeps_its_certificate(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    first, secret = _bearer(api), api.secrets[SECRET]
    api.put({**secret, "metadata": {**secret["metadata"], "annotations": {"a": "b"}}})
    await clock.advance(HOUR)
    assert _bearer(api) == first
    assert api.requests.count("get") == 2


async def test_a_class_that_goes_takes_its_secret_along(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    await keeper.remove(EDGE)
    await keeper.remove(EDGE)
    await clock.advance(HOUR)
    assert SECRET not in api.secrets


async def test_a_secret_that_is_being_written_goes_as_well(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    api.remove(*SECRET)
    advancing = asyncio.create_task(clock.advance(60))
    await until(lambda: api.requests.count("apply") == 2)
    await asyncio.gather(keeper.remove(EDGE), advancing)
    assert SECRET not in api.secrets


THEIRS = {"metadata": {"namespace": SECRET[0], "name": SECRET[1], "labels": {"app": "theirs"}}, "data": {"a": "Yg=="}}


async def test_a_secret_of_somebody_else_is_neither_written_nor_deleted(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    theirs = api.put(THEIRS)
    with pytest.raises(ForeignObjectError, match="Secret edge/lateen-ingressgateway-xds exists already"):
        await keeper.ensure(EDGE)
    await clock.advance(HOUR)
    await keeper.remove(EDGE)
    assert api.secrets[SECRET] == theirs


async def test_a_secret_that_somebody_puts_in_the_place_of_ours_is_theirs(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    await keeper.ensure(EDGE)
    api.remove(*SECRET)
    theirs = api.put(THEIRS)
    await clock.advance(HOUR)
    assert api.secrets[SECRET] == theirs
    with pytest.raises(ForeignObjectError, match="Secret edge/lateen-ingressgateway-xds exists already"):
        await keeper.ensure(EDGE)


async def test_once_somebody_elses_secret_is_gone_ours_takes_its_place(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    api.put(THEIRS)
    with pytest.raises(ForeignObjectError):
        await keeper.ensure(EDGE)
    api.remove(*SECRET)
    await clock.advance(60)
    assert _bearer(api).pair.certificate.uris == (proxy_identity(EDGE, "cluster.local"),)


async def test_a_secret_of_somebody_else_does_not_hold_up_a_rotation(api: SecretsApi, clock: Clock) -> None:
    api.put(THEIRS)
    async with at_work(api, clock, AlwaysLeader(), Lifetimes(trust_delay=HOUR)) as keeper:
        with pytest.raises(ForeignObjectError):
            await keeper.ensure(EDGE)
        old = keeper.authority.state.signer
        _annotate(api)
        await clock.advance(2 * HOUR)
        assert keeper.authority.state.signer != old


async def test_one_that_cannot_be_written_holds_up_no_other_and_is_tried_again(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    other = ProxyId("shop", "istio=all")
    api.failing["apply"] = ApiError(403, "Forbidden", "namespace edge is being terminated")
    with capture_logs() as logs:
        for proxy in (EDGE, other):
            with pytest.raises(ApiError, match="being terminated"):
                await keeper.ensure(proxy)
        await clock.advance(60)
    assert {line["secret"] for line in logs} == {"edge/lateen-ingressgateway-xds", "shop/lateen-all-xds"}
    del api.failing["apply"]
    await clock.advance(60)
    assert {SECRET, ("shop", "lateen-all-xds")} <= api.secrets.keys()


async def test_who_leads_no_more_writes_nothing(api: SecretsApi, clock: Clock) -> None:
    turns = Turns()
    async with at_work(api, clock, turns) as keeper:
        await keeper.ensure(EDGE)
        await turns.set(leading=False)
        await clock.advance(60)
        api.remove(*SECRET)
        await clock.advance(HOUR)
        await turns.set(leading=True)
        await clock.advance(HOUR)
        assert SECRET not in api.secrets, "another leader may have removed the class meanwhile"
        await keeper.ensure(EDGE)
        assert SECRET in api.secrets


async def test_a_new_leader_goes_by_what_the_last_one_left(api: SecretsApi, clock: Clock) -> None:
    first, second = Turns(), Turns(leading=False)
    async with at_work(api, clock, first) as one, at_work(api, clock, second) as other:
        await one.ensure(EDGE)
        await first.set(leading=False)
        await second.set(leading=True)
        await other.ensure(EDGE)
        await clock.advance(HOUR)
        assert api.requests.count("apply") == 1


def _annotate(api: SecretsApi) -> None:
    secret = api.secrets[AUTHORITY]
    api.put({**secret, "metadata": {**secret["metadata"], "annotations": {ROTATE: ""}}})


async def test_a_rotation_reaches_proxies_before_it_reaches_servers(api: SecretsApi, clock: Clock) -> None:
    async with at_work(api, clock, AlwaysLeader(), Lifetimes(leaf=3 * HOUR, trust_delay=2 * HOUR)) as keeper:
        own = keeper.issue_server([HOST])
        await keeper.ensure(EDGE)
        old = keeper.authority.state.signer.certificate
        _annotate(api)
        await until(lambda: len(_bearer(api).trusted) > len(old.pem))
        await until(lambda: own.bearer.trusted == _bearer(api).trusted)
        assert own.bearer.pair.certificate.is_issued_by(old)

        trusted_by_proxies = _bearer(api).trusted
        await clock.advance(2.1 * HOUR)
        new = keeper.authority.state.signer.certificate
        assert new != old
        assert new.pem in trusted_by_proxies
        assert own.bearer.pair.certificate.is_issued_by(new)
        assert _bearer(api).trusted == trusted_by_proxies

        await clock.advance(3.1 * HOUR)
        assert _bearer(api).trusted == own.bearer.trusted == new.pem
        assert _bearer(api).pair.certificate.is_issued_by(new)


async def test_no_successor_signs_while_a_proxy_may_not_know_it(api: SecretsApi, clock: Clock) -> None:
    async with at_work(api, clock, AlwaysLeader(), Lifetimes(trust_delay=HOUR)) as keeper:
        await keeper.ensure(EDGE)
        old = keeper.authority.state.signer
        api.failing["apply"] = ApiError(500, "InternalError", "no")
        _annotate(api)
        await clock.advance(2 * HOUR)
        assert keeper.authority.state.successor is not None
        assert keeper.authority.state.signer == old
        del api.failing["apply"]
        await clock.advance(120)
        assert keeper.authority.state.signer == old, "the kubelets have to notice first"
        await clock.advance(300)
        assert keeper.authority.state.signer != old


async def test_an_authority_that_is_made_anew_gives_new_certificates_to_all(
    api: SecretsApi, clock: Clock, keeper: CertificateKeeper
) -> None:
    own = keeper.issue_server([HOST])
    await keeper.ensure(EDGE)
    api.remove(*AUTHORITY)
    await clock.advance(60)
    state = keeper.authority.state
    assert state.vouches_for(_bearer(api).pair.certificate)
    assert state.vouches_for(own.bearer.pair.certificate)
    assert _bearer(api).trusted == own.bearer.trusted == state.bundle


async def test_this_replica_proves_itself_to_proxies_and_to_other_replicas(keeper: CertificateKeeper) -> None:
    security = keeper.security()
    certificate = security.bearer().pair.certificate
    assert certificate.dns_names == (HOST,)
    assert certificate.uris == (operator_identity("lateen-system", "cluster.local"),)


async def test_own_certificates_are_renewed_and_whoever_serves_them_hears_of_it(
    clock: Clock, keeper: CertificateKeeper
) -> None:
    own = keeper.issue_server(["lateen-webhook.lateen-system.svc"])
    renewed: list[Certificate] = []
    own.subscribe(lambda: renewed.append(own.bearer.pair.certificate))
    await clock.advance(15 * HOUR)
    assert renewed == []
    await clock.advance(17 * HOUR)
    assert len(renewed) == 2
    assert renewed[-1].not_after > clock.now
