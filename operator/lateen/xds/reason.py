"""Why an Envoy refused something, in as many words as people read.

Envoy's own words may hold the whole resource, over many lines, with the reason behind it;
a message that is too long it cuts off, so that the reason can be missing (Envoy docs: xDS
protocol, ACK and NACK).
"""

import re
from typing import Final

LONGEST_REASON: Final = 400
"""Characters; what is longer is cut."""

_CONSTRAINT: Final = re.compile(r"Proto constraint validation failed \((.*)\)", re.DOTALL)
_CAUSE: Final = " | caused by "
_VALIDATION: Final = re.compile(r"^(\w+)ValidationError\.")
_DEBUG_MARK: Final = re.compile(r"goo\.gle/debug\w+")


def reason_of(message: str) -> str:
    """Reduce the words of a rejection to one line: of a broken constraint the innermost cause, without the resource.

    What varies from run to run on purpose (blanks, a mark in front) is taken out: equal
    rejections are told in equal words.
    """
    constraint = _CONSTRAINT.search(message)
    if constraint is not None:
        reason = _VALIDATION.sub(r"\1.", constraint[1].rpartition(_CAUSE)[2])
    else:
        reason = _DEBUG_MARK.sub("", message)
    reason = " ".join(reason.split())
    if len(reason) > LONGEST_REASON:
        reason = f"{reason[:LONGEST_REASON]} …"
    return reason or "rejected without a reason"
