"""From decoded documents to dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from lateen.model.objects import Severity, print_path
from lateen.model.schema import SPEC
from lateen.model.values import Text, UInt32
from lateen.validation.decoding import Decoded, Decoder, names_of_fields, show, type_at


class Size(Enum):
    SMALL = "SMALL"


@dataclass(frozen=True, slots=True)
class Leaf:
    __pydantic_config__ = SPEC

    some_text: Text = ""
    cluster_ip: Annotated[Text, Field(alias="clusterIP")] = ""


@dataclass(frozen=True, slots=True)
class Tree:
    __pydantic_config__ = SPEC

    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    by_name: Mapping[Text, Leaf] = field(default_factory=dict)
    number: Annotated[UInt32, Field(lt=10)] = 0
    size: Size = Size.SMALL
    color: Literal["red", "blue"] = "red"
    either: int | tuple[int, ...] = 0


DECODER = Decoder(Tree, unknown_fields=Severity.WARNING)


def told(decoded: Decoded[Any]) -> dict[str, str]:
    return {print_path(problem.path): problem.message for problem in decoded.problems}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"number": 10}, {"number": "a value of less than 10 is expected, not 10"}),
        ({"size": "BIG"}, {"size": "one of 'SMALL' is expected, not 'BIG'"}),
        ({"color": "green"}, {"color": "one of 'red' or 'blue' is expected, not 'green'"}),
        ({"byName": {"a": {"someText": 1}}}, {"byName.a.someText": "text is expected, not 1"}),
        ({"byName": []}, {"byName": "a mapping is expected, not a list"}),
        ([], {"": "a mapping is expected, not a list"}),
    ],
)
def test_a_wrong_value_is_explained_where_it_stands(value: Any, expected: dict[str, str]) -> None:
    assert told(DECODER.decode(value)) == expected


def test_alternatives_that_all_fail_are_one_problem() -> None:
    decoded = DECODER.decode({"either": "x"})
    assert decoded.spec is None
    assert list(told(decoded)) == ["either"]


def test_every_unknown_field_is_found_at_any_depth() -> None:
    decoded = DECODER.decode({"leaf": {"a": 1}, "leaves": [{}, {"b": 1}], "byName": {"x": {"c": 1, "someText": "ok"}}})
    assert decoded.spec is not None
    assert decoded.spec.by_name["x"].some_text == "ok"
    assert set(told(decoded)) == {"leaf.a", "leaves[1].b", "byName.x.c"}


def test_the_document_is_left_as_it_was() -> None:
    document = {"leaf": {"a": 1, "someText": None}, "leaves": [{"b": 1}]}
    DECODER.decode(document)
    assert document == {"leaf": {"a": 1, "someText": None}, "leaves": [{"b": 1}]}


def test_null_is_absent_as_a_field_but_not_as_an_entry() -> None:
    decoded = DECODER.decode({"number": None, "leaves": None, "byName": None, "leaf": {"someText": None}})
    assert decoded == Decoded(Tree(leaf=Leaf()))
    assert told(DECODER.decode({"byName": {"a": None}})) == {"byName.a": "a mapping is expected, not null"}


def test_names_are_suggested_as_users_write_them() -> None:
    assert told(DECODER.decode({"leaf": {"clusterIp": "a"}})) == {
        "leaf.clusterIp": "unknown field 'clusterIp'; did you mean 'clusterIP'?",
    }
    assert told(DECODER.decode({"leaf": {"some_texts": "a"}})) == {
        "leaf.some_texts": "unknown field 'some_texts'; did you mean 'someText'?",
    }


def test_a_decoder_of_secrets_shows_no_values() -> None:
    decoder = Decoder(Tree, unknown_fields=Severity.WARNING, secret=True)
    assert told(decoder.decode({"leaf": {"someText": 12345}})) == {"leaf.someText": "text is expected"}


def test_types_are_found_along_a_path() -> None:
    assert type_at(Tree, ()) is Tree
    assert type_at(Tree, ("leaf",)) is Leaf
    assert type_at(Tree, ("leaves", 3)) is Leaf
    assert type_at(Tree, ("by_name", "x")) is Leaf
    assert type_at(Tree, ("nothing", "there")) is None
    assert names_of_fields(Leaf) == ("someText", "clusterIP")
    assert names_of_fields(int) == ()


def test_values_are_shown_in_a_few_words() -> None:
    values: list[object] = [None, True, 5, "a", {}, [], (1,)]
    assert [show(value) for value in values] == [
        "null",
        "true",
        "5",
        "'a'",
        "a mapping",
        "a list",
        "a list",
    ]
