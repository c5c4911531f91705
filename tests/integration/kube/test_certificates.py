"""Certificates at a real API server, by an account that may do no more than `docs/security.md` says."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient
from tests.apiserver.control_plane import ControlPlane

from lateen.certificates.authority import Lifetimes
from lateen.certificates.identity import proxy_identity
from lateen.certificates.stored import decode_authority, decode_bearer
from lateen.infra.naming import labels_of
from lateen.ir.proxy import ProxyId
from lateen.kube.client import ApiError, KubeClient
from lateen.kube.ownership import ForeignObjectError
from lateen.kube.resources import RESOURCES
from lateen.model.keys import Kind
from lateen.runtime.authority_keeper import ROTATE, AuthorityKeeper
from lateen.runtime.certificate_keeper import CertificateKeeper, CertificateSettings
from lateen.runtime.client_certificates import CHECK_SECONDS
from lateen.runtime.leadership import AlwaysLeader

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

SECRETS: Final = RESOURCES[Kind.SECRET]
SYSTEM: Final = "certificates-system"
SHOP: Final = "certificates-shop"
AUTHORITY: Final = "lateen-ca"
EDGE: Final = ProxyId(SHOP, "istio=ingressgateway")
SECRET: Final = "lateen-ingressgateway-xds"
ACCOUNT: Final = {"kind": "ServiceAccount", "name": "lateen", "namespace": SYSTEM}
GROUP: Final = "rbac.authorization.k8s.io"
WITHIN: Final = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [AUTHORITY],
        "verbs": ["get", "list", "watch", "update"],
    },
]
"""What it takes in the operator's namespace."""

EVERYWHERE: Final = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "patch", "delete"]}]
"""What it takes in the namespaces of proxies."""


def _rbac(kind: str, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    api = f"{GROUP}/v1"
    name = {"name": "certificates-test", "namespace": SYSTEM}
    return [
        {"apiVersion": api, "kind": kind, "metadata": name, "rules": rules},
        {
            "apiVersion": api,
            "kind": f"{kind}Binding",
            "metadata": name,
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": "certificates-test"},
            "subjects": [ACCOUNT],
        },
    ]


class Clock:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        """Add nothing yet."""
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def _short_sleep(seconds: float) -> None:
    """Nobody waits long here: what is due is decided by the clock."""
    await asyncio.sleep(min(seconds, 0.05))


@pytest.fixture(scope="module")
def token(control_plane: ControlPlane) -> str:
    """The token of the operator's account, with its least rights."""
    with control_plane.client() as http:
        client = ApiClient(http)
        for namespace in (SYSTEM, SHOP):
            client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        client.apply({"apiVersion": "v1", "metadata": {"name": "lateen", "namespace": SYSTEM}, "kind": ACCOUNT["kind"]})
        for manifest in [*_rbac("Role", WITHIN), *_rbac("ClusterRole", EVERYWHERE)]:
            if manifest["kind"].startswith("Cluster"):
                manifest["metadata"] = {"name": manifest["metadata"]["name"]}
            client.apply(manifest)
        answer = http.post(f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/lateen/token", json={"spec": {}})
        found: str = answer.json()["status"]["token"]
        return found


@pytest.fixture
async def operator(control_plane: ControlPlane, token: str, tmp_path: Path) -> AsyncIterator[KubeClient]:
    """The API server as the operator's account sees it."""
    file = control_plane.kubeconfig(tmp_path)
    config = json.loads(file.read_text())
    config["users"][0]["user"]["token"] = token
    file.write_text(json.dumps(config))
    client = await KubeClient.connect(kubeconfig=file)
    yield client
    await client.close()


@pytest.fixture
async def admin(kube: KubeClient, token: str) -> AsyncIterator[KubeClient]:
    """The API server as an administrator sees it, without any Secret of other tests."""
    yield kube
    await kube.delete(SECRETS, SYSTEM, AUTHORITY)
    await kube.delete(SECRETS, SHOP, SECRET)


@asynccontextmanager
async def at_work(client: KubeClient, clock: Clock) -> AsyncIterator[CertificateKeeper]:
    settings = CertificateSettings(SYSTEM, ("lateen-xds.test.svc",))
    keeper = CertificateKeeper(client, AlwaysLeader(), settings, clock=clock, sleep=_short_sleep)
    await keeper.start()
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is found."""
    while not await found():  # noqa: ASYNC110 - a Secret tells nobody but its watchers
        await asyncio.sleep(0.02)


async def test_replicas_that_start_at_once_share_one_authority(operator: KubeClient, admin: KubeClient) -> None:
    keepers = [AuthorityKeeper(operator, SYSTEM, AUTHORITY, Lifetimes(), clock=time.time) for _ in range(8)]
    await asyncio.gather(*(keeper.start() for keeper in keepers))
    secret = await admin.get(SECRETS, SYSTEM, AUTHORITY)
    assert secret is not None
    assert {keeper.state.bundle for keeper in keepers} == {keepers[0].state.bundle}
    assert decode_authority(secret["data"]) == keepers[0].state


async def test_a_secret_that_was_laid_out_empty_is_filled(operator: KubeClient, admin: KubeClient) -> None:
    await admin.create(SECRETS, {"metadata": {"namespace": SYSTEM, "name": AUTHORITY, "labels": {"by": "chart"}}})
    keepers = [AuthorityKeeper(operator, SYSTEM, AUTHORITY, Lifetimes(), clock=time.time) for _ in range(3)]
    await asyncio.gather(*(keeper.start() for keeper in keepers))
    secret = await admin.get(SECRETS, SYSTEM, AUTHORITY)
    assert secret is not None
    assert secret["metadata"]["labels"]["by"] == "chart"
    assert len({keeper.state.bundle for keeper in keepers}) == 1


async def test_a_proxys_secret_can_be_mounted_and_comes_back_when_it_is_deleted(
    operator: KubeClient, admin: KubeClient
) -> None:
    clock = Clock()

    async def written() -> bool:
        return await admin.get(SECRETS, SHOP, SECRET) is not None

    async with at_work(operator, clock) as keeper:
        await keeper.ensure(EDGE)
        secret = await admin.get(SECRETS, SHOP, SECRET)
        assert secret is not None
        assert secret["type"] == "kubernetes.io/tls"
        assert decode_bearer(secret["data"]).pair.certificate.uris == (proxy_identity(EDGE, "cluster.local"),)

        await admin.delete(SECRETS, SHOP, SECRET)
        clock.ahead += CHECK_SECONDS
        await until(written)


async def test_a_class_that_goes_takes_its_secret_along_and_nobody_elses(
    operator: KubeClient, admin: KubeClient
) -> None:
    async with at_work(operator, Clock()) as keeper:
        await keeper.ensure(EDGE)
        unlabelled = {"metadata": {"labels": dict.fromkeys(labels_of(EDGE, SYSTEM))}}
        await admin.merge(SECRETS, SHOP, SECRET, unlabelled)
        await keeper.remove(EDGE)
        assert await admin.get(SECRETS, SHOP, SECRET) is None, "we have applied it, and nobody else claims it"
        theirs = await admin.create(SECRETS, {"metadata": {"namespace": SHOP, "name": SECRET}})
        with pytest.raises(ForeignObjectError, match=f"Secret {SHOP}/{SECRET} exists already"):
            await keeper.ensure(EDGE)
        await keeper.remove(EDGE)
        found = await admin.get(SECRETS, SHOP, SECRET)
        assert found is not None
        assert found["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"]


async def test_an_annotation_rotates_the_authority_for_every_replica_and_every_proxy(
    operator: KubeClient, admin: KubeClient
) -> None:
    clock = Clock()
    async with at_work(operator, clock) as leader:
        follower = AuthorityKeeper(operator, SYSTEM, AUTHORITY, Lifetimes(), clock=clock, sleep=_short_sleep)
        await follower.start()
        following = asyncio.create_task(follower.follow())
        await leader.ensure(EDGE)
        old = leader.authority.state.signer.certificate
        await admin.merge(SECRETS, SYSTEM, AUTHORITY, {"metadata": {"annotations": {ROTATE: "now"}}})

        async def proxy_trusts_both() -> bool:
            secret = await admin.get(SECRETS, SHOP, SECRET)
            return secret is not None and decode_bearer(secret["data"]).trusted.count(b"BEGIN CERTIFICATE") == 2

        async def signed_by_new() -> bool:
            clock.ahead += 3600.0
            return follower.state.signer.certificate != old

        async def old_is_forgotten() -> bool:
            clock.ahead += 3600.0
            return follower.state.trusted == (follower.state.signer.certificate,)

        try:
            await until(proxy_trusts_both)
            await until(signed_by_new)
            await until(old_is_forgotten)
            secret = await admin.get(SECRETS, SYSTEM, AUTHORITY)
            assert secret is not None
            assert ROTATE not in secret["metadata"].get("annotations", {})
        finally:
            following.cancel()
            await asyncio.wait([following])


async def test_the_account_reads_no_list_of_secrets(operator: KubeClient, token: str) -> None:
    for namespace in ("", SYSTEM, SHOP):
        with pytest.raises(ApiError, match="forbidden"):
            await operator.list(SECRETS, namespace)
