"""Cross-origin policies."""

from typing import Any

import pytest
from tests.unit.semantics.objects import decode

from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import Cors
from lateen.model.routeaction import CorsSpec
from lateen.semantics.cors import lower_cors


def exact(text: str) -> StringMatch:
    return StringMatch(MatchKind.EXACT, text)


@pytest.mark.parametrize(
    ("policy", "lowered"),
    [
        ({}, Cors()),
        ({"allowOrigins": [{"exact": "a"}, {"prefix": "b"}]}, Cors((exact("a"), StringMatch(MatchKind.PREFIX, "b")))),
        ({"allowOrigin": ["a", "*"]}, Cors((exact("a"), exact("*")))),
        ({"allowOrigin": ["old"], "allowOrigins": [{"exact": "new"}]}, Cors((exact("new"),))),
        ({"allowMethods": ["GET", "PUT"]}, Cors(methods="GET,PUT")),
        ({"allowHeaders": ["x-a", "x-b"], "exposeHeaders": ["x-c"]}, Cors(headers="x-a,x-b", expose="x-c")),
        ({"maxAge": "24h"}, Cors(max_age="86400")),
        ({"allowCredentials": False}, Cors(credentials=False)),
        ({"allowCredentials": True}, Cors(credentials=True)),
        ({"unmatchedPreflights": "IGNORE"}, Cors(forward_unmatched_preflights=False)),
        ({"unmatchedPreflights": "FORWARD"}, Cors(forward_unmatched_preflights=True)),
    ],
)
def test_a_policy_is_lowered_field_by_field(policy: dict[str, Any], lowered: Cors) -> None:
    assert lower_cors(decode(CorsSpec, policy)) == lowered


def test_no_block_is_no_policy() -> None:
    assert lower_cors(None) is None
