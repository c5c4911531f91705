"""Choosing by labels."""

import pytest

from lateen.semantics.selectors import selector_name, selects


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        ({}, {}, True),
        ({}, {"app": "edge"}, True),
        ({"app": "edge"}, {"app": "edge", "tier": "1"}, True),
        ({"app": "edge"}, {"app": "other"}, False),
        ({"app": "edge", "tier": "1"}, {"app": "edge"}, False),
    ],
)
def test_a_selector_selects_what_has_all_its_labels(
    *, selector: dict[str, str], labels: dict[str, str], selected: bool
) -> None:
    assert selects(selector, labels) is selected


def test_a_selector_is_named_independently_of_its_order() -> None:
    assert selector_name({"b": "2", "a": "1"}) == selector_name({"a": "1", "b": "2"}) == "a=1,b=2"
    assert selector_name({}) == "all"
