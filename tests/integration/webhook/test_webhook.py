"""The webhook as a real API server asks it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.apiserver.client import ApiClient, RefusedError
from tests.apiserver.control_plane import ControlPlane, wait_until

from lateen.certificates.authority import Usage, create_authority, issue
from lateen.certificates.stored import Bearer
from lateen.crds.resources import GROUP
from lateen.kube.client import KubeClient
from lateen.runtime.leadership import AlwaysLeader
from lateen.runtime.webhook_keeper import WebhookKeeper
from lateen.settings import WebhookSettings
from lateen.validation.intake import Intake
from lateen.webhook.server import PATH

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(240)]

NAME: Final = "lateen-tests"
REJECT: Final = "internal.istio.io/always-reject"


def virtual_service(value: str = "plain", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviewed", **metadata},
        "spec": {
            "hosts": ["shop.example.com"],
            "http": [
                {
                    "route": [{"destination": {"host": "cart"}}],
                    "headers": {"request": {"set": {"x-way": value}}},
                }
            ],
        },
    }


def configuration(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": NAME},
        "webhooks": [
            {
                "name": "validate.lateen.io",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": f"https://localhost:{port}{PATH}"},
                "rules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["v1", "v1beta1", "v1alpha3"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["virtualservices"],
                        "scope": "Namespaced",
                    }
                ],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "timeoutSeconds": 5,
            }
        ],
    }


class Shown:
    """A certificate of an authority that a test replaces."""

    def __init__(self) -> None:
        """Begin with the first authority."""
        self._listeners: list[Callable[[], None]] = []
        self.bearer = self._issue()

    def _issue(self) -> Bearer:
        authority = create_authority(time.time(), 864_000)
        usages, names = [Usage.SERVER], ["localhost"]
        pair = issue(authority, now=time.time(), lifetime=86_400, usages=usages, dns_names=names)
        return Bearer(pair, authority.certificate.pem)

    def replace(self) -> None:
        self.bearer = self._issue()
        for listener in self._listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


@pytest.fixture
async def shown(api: ApiClient, control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[Shown]:
    """A webhook that the API server asks."""
    shown = Shown()
    client = await KubeClient.connect(kubeconfig=await asyncio.to_thread(control_plane.kubeconfig, tmp_path))
    settings = WebhookSettings(enabled=True, port=0, configuration=NAME)
    keeper = WebhookKeeper(client, AlwaysLeader(), settings, Intake(), shown, host="127.0.0.1")
    running = asyncio.create_task(keeper.run())
    await asyncio.to_thread(api.apply, configuration(await keeper.port))
    shown.replace()  # which makes the keeper look at once
    try:
        await asyncio.to_thread(wait_until, lambda: is_refused(api))
        yield shown
    finally:
        running.cancel()
        await asyncio.wait([running])
        await client.close()
        await asyncio.to_thread(api.delete, configuration(0))
        await asyncio.to_thread(api.delete, virtual_service())


def is_refused(api: ApiClient) -> bool:
    """Whether the API server asks the webhook already: nothing else looks at this annotation."""
    try:
        api.create(virtual_service(annotations={REJECT: "true"}), dry_run=True)
    except RefusedError as error:
        return REJECT in error.message
    return False


async def test_a_bad_object_is_refused_in_our_words(shown: Shown, api: ApiClient) -> None:
    with pytest.raises(RefusedError) as refused:
        await asyncio.to_thread(api.create, virtual_service("%REQ("))
    assert refused.value.code == 422
    (cause,) = refused.value.status["details"]["causes"]
    assert cause["field"] == "spec.http[0].headers.request.set.x-way"
    assert f"{cause['field']}: {cause['message']}" in refused.value.message


async def test_a_good_object_is_let_in(shown: Shown, api: ApiClient) -> None:
    made = await asyncio.to_thread(api.create, virtual_service())
    assert made["metadata"]["generation"] == 1


async def test_warnings_reach_who_applies(shown: Shown, api: ApiClient) -> None:
    doubtful = virtual_service(annotations={"internal.istio.io/route-semantics": "ingress"})
    url = api.url_of(doubtful).rpartition("/")[0]
    answer = await asyncio.to_thread(lambda: api.http.post(url, content=json.dumps(doubtful)))
    assert answer.is_success
    assert "is not followed" in answer.headers["warning"]


async def test_a_new_authority_is_trusted_at_once(shown: Shown, api: ApiClient) -> None:
    before = await asyncio.to_thread(api.get, configuration(0))
    shown.replace()

    def is_trusted() -> bool:
        webhooks = api.get(configuration(0))["webhooks"]
        return bool(webhooks[0]["clientConfig"]["caBundle"] != before["webhooks"][0]["clientConfig"]["caBundle"])

    await asyncio.to_thread(wait_until, is_trusted)
    await asyncio.to_thread(wait_until, lambda: is_refused(api))


async def test_a_webhook_that_is_gone_keeps_nobody_from_work(api: ApiClient, control_plane: ControlPlane) -> None:
    gone = configuration(1)
    await asyncio.to_thread(api.apply, gone)
    try:
        bad = virtual_service(annotations={REJECT: "true"})
        assert await asyncio.to_thread(lambda: api.create(bad, dry_run=True))
    finally:
        await asyncio.to_thread(api.delete, gone)
