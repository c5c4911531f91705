"""One replica leads at a time, and there is always another one to follow."""

import asyncio
import random
from collections.abc import Callable

import pytest
from tests import virtual_time
from tests.unit.kube.lease_store import Lease, Network

from lateen.kube.lease import LeaseLeadership, candidate_name

DURATION, DEADLINE, RETRY = 15.0, 10.0, 2.0


class Replica:
    """A candidate with its task."""

    def __init__(
        self, name: str, network: Network, clock: Callable[[], float] = virtual_time.now, skew: float = 0.0
    ) -> None:
        """Start it."""
        self.network = network
        self.leadership = LeaseLeadership(
            network, "lateen-system", name, clock=clock, wall=lambda: virtual_time.now() + skew
        )
        self.task = asyncio.create_task(self.leadership.run())

    @property
    def leading(self) -> bool:
        return self.leadership.leading

    async def kill(self) -> None:
        """End it as a power cut would: nothing reaches the API server any more."""
        self.network.cut = True
        await self.stop()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


async def seconds_until(replica: Replica, *, leading: bool = True) -> float:
    start = virtual_time.now()
    await replica.leadership.wait_until(leading=leading)
    return virtual_time.now() - start


def test_the_first_candidate_leads_at_once_and_the_second_follows() -> None:
    async def main() -> None:
        lease = Lease()
        first = Replica("a", Network(lease))
        assert await seconds_until(first) == 0
        second = Replica("b", Network(lease))
        await asyncio.sleep(600)
        assert (first.leading, second.leading) == (True, False)
        assert (first.leadership.transitions, second.leadership.transitions) == (1, 0)
        assert second.leadership.holder == "a"
        await first.stop()
        await second.stop()

    virtual_time.run(main())


def test_a_leader_that_is_killed_is_followed_within_twenty_seconds() -> None:
    async def main(after: float) -> None:
        lease = Lease()
        first, second = Replica("a", Network(lease)), Replica("b", Network(lease))
        await asyncio.sleep(after)
        assert first.leading
        await first.kill()
        assert DURATION - RETRY <= await seconds_until(second) <= 20
        await second.stop()

    for tenths in range(40):
        virtual_time.run(main(60 + tenths / 10))


def test_a_leader_that_ends_is_followed_at_the_next_try() -> None:
    async def main() -> None:
        lease = Lease()
        first, second = Replica("a", Network(lease)), Replica("b", Network(lease))
        await asyncio.sleep(60)
        await first.stop()
        assert not first.leading
        assert first.leadership.transitions == 2
        assert await seconds_until(second) <= 1.2 * RETRY
        assert lease.object is not None
        assert lease.object["spec"]["leaseTransitions"] == 1
        await second.stop()

    virtual_time.run(main())


def test_a_follower_that_ends_leaves_the_lease_alone() -> None:
    async def main() -> None:
        lease = Lease()
        first, second = Replica("a", Network(lease)), Replica("b", Network(lease))
        await asyncio.sleep(60)
        await second.stop()
        assert lease.object is not None
        assert lease.object["spec"]["holderIdentity"] == "a"
        await first.stop()

    virtual_time.run(main())


def test_a_leader_that_cannot_renew_leads_no_longer_than_its_deadline() -> None:
    async def main() -> None:
        first = Replica("a", Network(Lease()))
        await asyncio.sleep(60)
        first.network.cut = True
        assert DEADLINE - RETRY <= await seconds_until(first, leading=False) <= DEADLINE
        await asyncio.sleep(600)
        first.network.cut = False
        assert await seconds_until(first) <= 1.2 * RETRY
        await first.stop()

    virtual_time.run(main())


def test_a_leader_whose_loop_hangs_leads_no_longer_than_its_deadline() -> None:
    async def main() -> None:
        late = 0.0
        first = Replica("a", Network(Lease()), clock=lambda: virtual_time.now() + late)
        await asyncio.sleep(60)
        assert first.leading
        late = DEADLINE + 0.1  # nothing of this replica has run meanwhile
        assert not first.leading
        await first.stop()

    virtual_time.run(main())


def test_an_answer_that_never_comes_ends_no_candidacy() -> None:
    async def main() -> None:
        lease = Lease()
        first = Replica("a", Network(lease, random.Random(1), delay=1000.0))  # noqa: S311 - no secret
        second = Replica("b", Network(lease))
        await asyncio.sleep(600)
        assert (first.leading, second.leading) == (False, True)
        assert not first.task.done()
        await first.stop()
        await second.stop()

    virtual_time.run(main())


def test_a_lease_that_is_deleted_is_made_anew_by_its_holder() -> None:
    async def main() -> None:
        lease = Lease()
        first, second = Replica("a", Network(lease)), Replica("b", Network(lease))
        await asyncio.sleep(60)
        lease.object = None
        await asyncio.sleep(60)
        assert (first.leading, second.leading) == (True, False)
        await first.stop()
        await second.stop()

    virtual_time.run(main())


@pytest.mark.parametrize("skew", [-1e6, 1e6])
def test_wall_clocks_that_differ_decide_nothing(skew: float) -> None:
    async def main() -> None:
        lease = Lease()
        first, second = Replica("a", Network(lease)), Replica("b", Network(lease), skew=skew)
        await asyncio.sleep(60)
        assert (first.leading, second.leading) == (True, False)
        await first.kill()
        assert await seconds_until(second) <= 20
        await second.stop()

    virtual_time.run(main())


@pytest.mark.parametrize("seed", range(12))
def test_never_two_lead_whatever_is_slow_lost_or_killed(seed: int) -> None:
    async def main() -> int:
        chance = random.Random(seed)  # noqa: S311 - no secret
        lease = Lease()

        def start(number: int) -> Replica:
            network = Network(lease, chance, delay=chance.choice([0.1, 2.0, 8.0]), loss=chance.choice([0.0, 0.1, 0.3]))
            return Replica(f"replica-{number}", network, skew=chance.uniform(-100, 100))

        replicas = [start(number) for number in range(3)]
        changes, last = 0, ""
        for tick in range(6000):
            await asyncio.sleep(0.1)
            leaders = [each.leadership.identity for each in replicas if each.leading]
            assert len(leaders) <= 1, leaders
            changes += bool(leaders) and leaders != [last]
            last = leaders[0] if leaders else last
            if chance.random() < 0.005:
                ended = replicas.pop(chance.randrange(len(replicas)))
                await chance.choice([ended.kill, ended.stop])()
                replicas.append(start(1000 + tick))
            if chance.random() < 0.01:
                unlucky = chance.choice(replicas).network
                unlucky.cut = not unlucky.cut
        for each in replicas:
            await each.stop()
        return changes

    assert virtual_time.run(main()) > 1


def test_a_pod_that_starts_again_is_another_candidate() -> None:
    assert candidate_name("lateen-0") != candidate_name("lateen-0")
    assert candidate_name("lateen-0").startswith("lateen-0_")
