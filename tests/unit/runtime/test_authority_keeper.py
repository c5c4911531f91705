"""The shared authority: made once, followed by all, never overwritten when it is broken."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import pytest
from structlog.testing import capture_logs
from tests.unit.runtime.secrets_api import Clock, SecretsApi, settle, until

from lateen.certificates.authority import DAY, Lifetimes
from lateen.errors import InputError
from lateen.kube.client import ApiError
from lateen.runtime.authority_keeper import ROTATE, AuthorityKeeper

SYSTEM = "lateen-system"
NAME = "lateen-ca"
WHERE = (SYSTEM, NAME)

Following: TypeAlias = Callable[[], AbstractAsyncContextManager[AuthorityKeeper]]


@pytest.fixture
def api() -> SecretsApi:
    return SecretsApi()


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


@pytest.fixture
def following(api: SecretsApi, clock: Clock) -> Following:
    @asynccontextmanager
    async def follow() -> AsyncIterator[AuthorityKeeper]:
        keeper = AuthorityKeeper(api, SYSTEM, NAME, Lifetimes(), clock=clock, sleep=clock.sleep)
        await keeper.start()
        task = asyncio.create_task(keeper.follow())
        await settle()
        try:
            yield keeper
        finally:
            task.cancel()
            await asyncio.wait([task])

    return follow


def _secret(**data: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": SYSTEM, "name": NAME},
        "data": {name.replace("_", "."): b64encode(text.encode()).decode() for name, text in data.items()},
    }


async def test_replicas_that_start_at_once_agree_on_one_authority(following: Following, api: SecretsApi) -> None:
    keepers = [AuthorityKeeper(api, SYSTEM, NAME, Lifetimes(), clock=Clock(0.0)) for _ in range(5)]
    await asyncio.gather(*(keeper.start() for keeper in keepers))
    assert len({keeper.state.bundle for keeper in keepers}) == 1
    assert api.requests.count("create") == 5


async def test_a_replica_that_starts_later_finds_the_same_authority(following: Following) -> None:
    async with following() as one, following() as other:
        assert one.state == other.state


async def test_an_empty_secret_is_filled_and_keeps_its_labels(following: Following, api: SecretsApi) -> None:
    empty = _secret()
    empty["metadata"]["labels"] = {"app.kubernetes.io/instance": "mine"}
    api.put(empty)
    async with following() as keeper:
        stored = api.secrets[WHERE]
        assert keeper.state.signer.certificate.is_authority
        assert stored["metadata"]["labels"] == {
            "app.kubernetes.io/instance": "mine",
            "app.kubernetes.io/managed-by": "lateen",
        }


async def test_a_broken_secret_stops_the_start_with_a_sentence_and_stays(following: Following, api: SecretsApi) -> None:
    broken = api.put(_secret(signer_crt="x", signer_key="y"))
    with pytest.raises(
        InputError, match=r"Secret lateen-system/lateen-ca: signer\.crt and signer\.key: .*; repair it, or"
    ):
        async with following():
            pass
    assert api.secrets[WHERE] == broken


async def test_a_secret_that_must_not_be_read_stops_the_start(following: Following, api: SecretsApi) -> None:
    api.failing["list"] = ApiError(403, "Forbidden", "secrets is forbidden")
    with pytest.raises(InputError, match="Secret lateen-system/lateen-ca: secrets is forbidden"):
        async with following():
            pass


async def test_an_api_server_that_is_away_is_waited_for(api: SecretsApi, clock: Clock) -> None:
    api.failing["list"] = ApiError(503, "ServiceUnavailable", "not now")
    keeper = AuthorityKeeper(api, SYSTEM, NAME, Lifetimes(), clock=clock, sleep=clock.sleep)
    starting = asyncio.create_task(keeper.start())
    await clock.advance(120)
    assert not starting.done()
    del api.failing["list"]
    await clock.advance(60)
    await starting
    assert keeper.state.signer.certificate.is_authority


async def test_what_one_replica_writes_all_know(following: Following) -> None:
    async with following() as leader, following() as other:
        heard: list[str] = []
        other.subscribe(lambda: heard.append("news"))
        leader._clock.now += 300 * DAY  # type: ignore[attr-defined] # the test's own clock
        await leader.advance(known=True)
        await until(lambda: other.state.successor is not None)
        assert other.state == leader.state
        assert heard == ["news"]


async def test_nothing_is_written_while_nothing_is_due(following: Following, api: SecretsApi) -> None:
    async with following() as keeper:
        await keeper.advance(known=True)
    assert api.requests.count("replace") == 0


async def test_an_annotation_begins_a_rotation_and_disappears(following: Following, api: SecretsApi) -> None:
    async with following() as keeper:
        secret = dict(api.secrets[WHERE])
        api.put({**secret, "metadata": {**secret["metadata"], "annotations": {ROTATE: "now", "mine": "x"}}})
        await settle()
        await keeper.advance(known=True)
        assert keeper.state.successor is not None
        assert api.secrets[WHERE]["metadata"]["annotations"] == {"mine": "x"}
        assert len(keeper.state.trusted) == 2


async def test_whoever_was_slower_takes_what_the_other_wrote(following: Following, api: SecretsApi) -> None:
    async with following() as one, following() as other:
        one._clock.now += 300 * DAY  # type: ignore[attr-defined] # the test's own clock
        await asyncio.gather(one.advance(known=True), other.advance(known=True))
        await settle()
        assert one.state == other.state
        assert one.state.successor is not None


async def test_a_secret_that_is_deleted_becomes_a_new_authority_that_all_share(
    following: Following, api: SecretsApi, clock: Clock
) -> None:
    async with following() as one, following() as other:
        before = one.state
        api.remove(*WHERE)
        await clock.advance(60)
        assert one.state != before
        assert one.state == other.state
        assert one.state.trusted == (one.state.signer.certificate,)


async def test_a_secret_that_breaks_leaves_the_last_good_authority_and_is_not_overwritten(
    following: Following, api: SecretsApi, clock: Clock
) -> None:
    async with following() as keeper:
        before = keeper.state
        good = api.secrets[WHERE]
        with capture_logs() as logs:
            broken = api.put(_secret(signer_crt="x", signer_key="y"))
            await settle()
            clock.now += 300 * DAY
            await keeper.advance(known=True)
            await clock.advance(300)
        assert keeper.state is before
        assert api.secrets[WHERE] == broken
        assert {line["event"] for line in logs} == {"authority is unreadable; the last good one stays"}
        api.put({**good, "metadata": {**good["metadata"]}})
        await clock.advance(60)
        await keeper.advance(known=True)
        assert keeper.state.successor is not None


@pytest.mark.parametrize("error", [ApiError(410, "Expired", "too old"), ApiError(0, "Unreachable", "no way")])
async def test_a_watch_that_breaks_off_loses_nothing(
    following: Following, api: SecretsApi, clock: Clock, error: ApiError
) -> None:
    async with following() as leader, following() as other:
        api.failing["watch"] = error
        api.cut()
        await settle()
        clock.now += 300 * DAY
        await leader.advance(known=True)
        del api.failing["watch"]
        await clock.advance(120)
        assert other.state == leader.state
        assert other.state.successor is not None
