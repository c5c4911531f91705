"""Tells what happens to hosts; what several proxies do alike within a moment is one Event.

Ten proxies that eject a host would otherwise use up what may be told of its DestinationRule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from lateen.kube.recorder import Recorder
from lateen.model.keys import Key
from lateen.runtime.ejections.words import proxies_text


class News(NamedTuple):
    """One thing that a proxy did: `{before} proxy {name} {after}`."""

    rule: Key
    type: str
    reason: str
    before: str
    sort: str
    """What does not differ between proxies that did alike, of what stands after their names."""


@dataclass(slots=True)
class _Gathered:
    due: float
    after: str
    proxies: dict[str, None] = field(default_factory=dict)


class Announcer:
    """Gathers news of different proxies."""

    def __init__(self, recorder: Recorder, clock: Callable[[], float], gathering: float) -> None:
        """Start empty.

        Args:
            recorder: makes Events.
            clock: monotonic seconds.
            gathering: seconds to wait for other proxies; 0: tell at once.
        """
        self._recorder = recorder
        self._clock = clock
        self._gathering = gathering
        self._gathered: dict[News, _Gathered] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be told yet."""
        return bool(self._gathered)

    def tell(self, news: News, proxy: str, after: str) -> None:
        """Take news. Of what proxies say differently after their names, the last one's words stand."""
        if not self._gathering:
            self._record(news, (proxy,), after)
            return
        gathered = self._gathered.setdefault(news, _Gathered(self._clock() + self._gathering, after))
        gathered.after = after
        gathered.proxies[proxy] = None

    def look(self) -> None:
        """Tell what is due."""
        now = self._clock()
        for news, gathered in tuple(self._gathered.items()):
            if gathered.due <= now:
                del self._gathered[news]
                self._record(news, tuple(gathered.proxies), gathered.after)

    def clear(self) -> None:
        """Forget what was not told."""
        self._gathered.clear()

    def _record(self, news: News, proxies: tuple[str, ...], after: str) -> None:
        message = f"{news.before} {proxies_text(proxies)} {after}"
        self._recorder.record(news.rule, news.type, news.reason, message)
