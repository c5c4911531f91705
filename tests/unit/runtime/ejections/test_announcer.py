"""What several proxies do alike within a moment is told at once."""

from tests.unit.runtime.ejections.scene import RULE_NAME, Told

from lateen.runtime.ejections.announcer import Announcer, News

EJECTED = News(RULE_NAME, "Warning", "HostEjected", "pod a ejected by", "30 s")


class Clocked:
    """An announcer with a clock."""

    def __init__(self, gathering: float) -> None:
        """Start at zero."""
        self.now = 0.0
        self.told = Told()
        self.announcer = Announcer(self.told, lambda: self.now, gathering)

    def after(self, seconds: float) -> list[str]:
        """Let time go by, and give what is told."""
        self.now += seconds
        self.announcer.look()
        return [message for _, message in self.told.take()]


def test_proxies_are_named_together_with_the_last_ones_words() -> None:
    clocked = Clocked(1.0)
    clocked.announcer.tell(EJECTED, "edge-1", "until noon")
    clocked.announcer.tell(EJECTED, "edge-2", "until one")
    assert clocked.announcer.is_waiting
    assert clocked.after(0.9) == []
    assert clocked.after(0.1) == ["pod a ejected by proxies edge-1, edge-2 until one"]
    assert not clocked.announcer.is_waiting


def test_many_proxies_are_counted() -> None:
    clocked = Clocked(1.0)
    for number in range(5):
        clocked.announcer.tell(EJECTED, f"edge-{number}", "for 30 s")
    assert clocked.after(1) == ["pod a ejected by proxies edge-0, edge-1, edge-2 and 2 more for 30 s"]


def test_what_differs_is_told_apart() -> None:
    clocked = Clocked(1.0)
    clocked.announcer.tell(EJECTED, "edge-1", "for 30 s")
    clocked.announcer.tell(EJECTED._replace(sort="60 s"), "edge-2", "for 60 s")
    assert clocked.after(1) == ["pod a ejected by proxy edge-1 for 30 s", "pod a ejected by proxy edge-2 for 60 s"]


def test_without_gathering_everything_is_told_at_once() -> None:
    clocked = Clocked(0.0)
    clocked.announcer.tell(EJECTED, "edge-1", "for 30 s")
    assert clocked.told.events == [
        (RULE_NAME, "Warning", "HostEjected", "pod a ejected by proxy edge-1 for 30 s"),
    ]


def test_what_was_not_told_can_be_forgotten() -> None:
    clocked = Clocked(1.0)
    clocked.announcer.tell(EJECTED, "edge-1", "for 30 s")
    clocked.announcer.clear()
    assert clocked.after(1) == []
