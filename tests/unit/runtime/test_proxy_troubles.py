"""What Gateways are told of their proxies."""

from lateen.infra.base import Phase, ProxyState
from lateen.ir.proxy import ProxyId
from lateen.model.keys import Key, Kind
from lateen.runtime.proxy_troubles import MOST_GATEWAYS, ProxyTroubles

EDGE = ProxyId("shop", "app=edge")
GATEWAY = Key(Kind.GATEWAY, "shop", "edge")
PULL = ProxyState(EDGE, Phase.FAILING, error="ErrImagePull", pods=2)
GOOD = ProxyState(EDGE, Phase.READY, pods=2, ready_pods=2)
TOLD = ("Warning", "ProxiesFailing", "0 of 2 proxies are ready: ErrImagePull")


class Recorder:
    """Remembers."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.told: list[tuple[str, str, str]] = []
        self.about: list[Key] = []

    def record(self, key: Key, type_: str, reason: str, message: str) -> None:
        self.about.append(key)
        self.told.append((type_, reason, message))


def hear(*states: ProxyState, leads: bool = True) -> list[tuple[str, str, str]]:
    recorder = Recorder()
    troubles = ProxyTroubles(lambda _: [GATEWAY], recorder, lambda: leads)
    for state in states:
        troubles.hear(state)
    assert set(recorder.about) <= {GATEWAY}
    return recorder.told


def test_trouble_is_told_once() -> None:
    assert hear(PULL, PULL) == [TOLD]


def test_other_trouble_is_told_again() -> None:
    assert hear(PULL, ProxyState(EDGE, Phase.FAILING, error="refused"))[1:] == [
        ("Warning", "ProxiesFailing", "refused"),
    ]


def test_the_end_of_trouble_is_told() -> None:
    assert hear(PULL, GOOD, GOOD)[1:] == [("Normal", "ProxiesReady", "2 of 2 proxies are ready")]


def test_proxies_that_run_are_nothing_to_tell() -> None:
    assert hear(ProxyState(EDGE, Phase.STARTING, pods=2), GOOD, ProxyState(EDGE, Phase.STOPPED)) == []


def test_who_does_not_lead_tells_nothing() -> None:
    assert hear(PULL, GOOD, leads=False) == []


def test_of_many_gateways_some_are_told() -> None:
    recorder = Recorder()
    gateways = [Key(Kind.GATEWAY, "shop", f"edge-{number}") for number in range(100)]
    ProxyTroubles(lambda _: gateways, recorder, lambda: True).hear(PULL)
    assert recorder.about == gateways[:MOST_GATEWAYS]
