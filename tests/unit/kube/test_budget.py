"""How much may be written in a while."""

from lateen.kube.budget import WriteBudget


class Clock:
    """Seconds as a test sets them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def writes_within(budget: WriteBudget, clock: Clock, seconds: float, reserve: float = 0.0) -> int:
    """Write whenever it is allowed."""
    end, done = clock.now + seconds, 0
    while (delay := budget.delay(reserve)) + clock.now <= end:
        clock.now += delay
        if budget.delay(reserve) == 0:
            budget.spend()
            done += 1
    clock.now = end
    return done


def test_a_burst_is_followed_by_the_rate() -> None:
    clock = Clock()
    budget = WriteBudget(20, 50, clock=clock)
    assert writes_within(budget, clock, 0) == 50
    assert writes_within(budget, clock, 10) == 200
    assert budget.delay() > 0


def test_silence_gives_no_more_than_one_burst() -> None:
    clock = Clock()
    budget = WriteBudget(20, 50, clock=clock)
    clock.now = 3600
    assert writes_within(budget, clock, 0) == 50


def test_what_matters_less_leaves_a_reserve() -> None:
    clock = Clock()
    budget = WriteBudget(20, 50, clock=clock)
    assert writes_within(budget, clock, 0, reserve=40) == 10
    assert writes_within(budget, clock, 0) == 40
    assert writes_within(budget, clock, 1, reserve=40) == 0
    clock.now += 3600
    assert budget.delay(reserve=1000) == 0


def test_without_a_limit_everything_is_allowed() -> None:
    budget = WriteBudget.unlimited()
    for _ in range(1000):
        assert budget.delay(reserve=10) == 0
        budget.spend()
