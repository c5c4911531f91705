"""Events about what has changed in the status of an object: refused, healed, live for the first time.

They follow what was written, and compare with what the object itself said before. So nothing is
told again after a restart, or by the next leader. An edit that all proxies take over is no event:
the moment in between, in which it is pending, is passed over.
"""

from typing import Final

from lateen.kube.recorder import Recorder
from lateen.model.keys import Key
from lateen.status.base import ObjectStatus
from lateen.status.conditions import Condition, ConditionType
from lateen.status.kube import Answer, Before

_PENDING: Final = "Pending"
_INVALID: Final = "Invalid"
_REJECTED: Final = "Rejected"
_HEALED: Final = {
    ConditionType.ACCEPTED: "it is valid again",
    ConditionType.RESOLVED_REFS: "everything that it names exists again",
}
_MOST_PENDING: Final = 10_000


class Transitions:
    """Turns what was written to objects into Events."""

    def __init__(self, recorder: Recorder) -> None:
        """Have heard of nothing."""
        self._recorder = recorder
        self._settled: dict[Key, Answer | None] = {}
        """What objects that are pending said before they were."""

    def note(self, key: Key, before: Before, now: ObjectStatus) -> None:
        """Tell what has changed between what an object said and what it says now."""
        for condition in now.conditions:
            was = before.get(condition.type)
            if condition.type is ConditionType.PROGRAMMED:
                self._note_programmed(key, was, condition)
            elif condition.status == "False" and (was is None or was.status != "False"):
                self._recorder.record(key, "Warning", condition.reason, condition.message)
            elif condition.status == "True" and was is not None and was.status == "False":
                self._recorder.record(key, "Normal", condition.reason, _HEALED[condition.type])

    def _note_programmed(self, key: Key, was: Answer | None, now: Condition) -> None:
        if now.reason == _PENDING:
            if len(self._settled) >= _MOST_PENDING:  # of objects that were deleted before they were live
                del self._settled[next(iter(self._settled))]
            self._settled.setdefault(key, None if was is not None and was.reason == _PENDING else was)
            return
        settled = self._settled.pop(key, was)
        if now.reason == _REJECTED:
            if was is None or was.reason != _REJECTED:  # also of an edit that is refused as the one before
                self._recorder.record(key, "Warning", now.reason, now.message)
        elif settled is not None and (settled.status, settled.reason) == (now.status, now.reason):
            return
        elif now.status == "True" or (now.reason != _INVALID and settled is not None and settled.status == "True"):
            self._recorder.record(key, "Normal", now.reason, now.message)
