"""Where status goes on a laptop."""

from lateen.model.keys import Key, Kind
from lateen.status.base import MemoryStatusSink, ObjectStatus
from lateen.status.conditions import Condition, ConditionType


async def test_conditions_are_kept_until_their_object_is_gone() -> None:
    sink, key = MemoryStatusSink(), Key(Kind.GATEWAY, "edge", "gw")
    accepted = ObjectStatus((Condition(ConditionType.ACCEPTED, "True", "Accepted"),))
    assert not sink.is_written(key, accepted)
    await sink.write(key, accepted)
    assert sink.is_written(key, accepted)
    assert sink.statuses == {key: accepted}
    gone = ObjectStatus(())
    assert not sink.is_written(key, gone)
    await sink.write(key, gone)
    await sink.write(key, gone)
    assert sink.is_written(key, gone)
    assert sink.statuses == {}
