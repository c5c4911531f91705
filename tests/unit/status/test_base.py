"""Where status goes on a laptop."""

from lateen.model.keys import Key, Kind
from lateen.status.base import MemoryStatusSink
from lateen.status.conditions import Condition, ConditionType


async def test_conditions_are_kept_until_their_object_is_gone() -> None:
    sink, key = MemoryStatusSink(), Key(Kind.GATEWAY, "edge", "gw")
    accepted = Condition(ConditionType.ACCEPTED, "True", "Accepted")
    await sink.write(key, [accepted])
    assert sink.conditions == {key: (accepted,)}
    await sink.write(key, [])
    await sink.write(key, [])
    assert sink.conditions == {}
