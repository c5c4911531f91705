"""JSON that YAML reads alike."""

import json
from types import MappingProxyType

import yaml
from hypothesis import given
from hypothesis import strategies as st

from lateen.kube.yaml_json import to_yaml_json

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), inner)
    ),
)


@given(VALUES)
def test_yaml_reads_what_was_written(value: object) -> None:
    text = to_yaml_json(value)
    assert text.isascii()
    assert "\n" not in text
    assert yaml.safe_load(text) == value


def test_what_is_beyond_json_stays_out_of_it() -> None:
    assert to_yaml_json("😀\x7f\\ud83d\\ude00") == r'"\U0001f600\u007f\\ud83d\\ude00"'
    assert json.loads(to_yaml_json(MappingProxyType({"a": 1}))) == {"a": 1}
