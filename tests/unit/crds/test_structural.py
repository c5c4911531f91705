"""From a dataclass to a structural schema: what disappears, what stays, what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BeforeValidator

from lateen.crds.constraints import RULES, Block, between, entries, rule
from lateen.crds.structural import structural_schema
from lateen.errors import LateenError
from lateen.model.schema import SPEC, Duration
from lateen.model.values import Text, UInt32, UInt64, enumeration


class Size(StrEnum):
    """How large."""

    SMALL = "SMALL"
    """Fits in a hand."""
    LARGE = "LARGE"


@dataclass(frozen=True, slots=True)
class Sail:
    """A piece of cloth."""

    __pydantic_config__ = SPEC

    area: UInt32 = 0
    """Square metres."""


@dataclass(frozen=True, slots=True)
class Ship:
    """A ship."""

    __pydantic_config__ = SPEC

    name: Text
    """What is
    written on it."""
    size: Annotated[Size, BeforeValidator(enumeration(Size))] = Size.SMALL
    """How large it is."""
    main_sail: Sail | None = None
    """The largest sail."""
    sails: tuple[Sail, ...] = ()
    """All sails."""
    signals: Mapping[Text, Sail | None] = field(default_factory=dict)
    """Flags by name."""
    patience: Duration | None = None
    """How long it waits."""
    number: UInt64 = 0
    """Its number."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Ships."""

    __pydantic_config__ = SPEC

    flagship: Ship | None = None
    """The first."""
    sail: Sail | None = None
    """One in reserve."""


@dataclass(frozen=True, slots=True)
class Harbour:
    """What no structural schema can say."""

    __pydantic_config__ = SPEC

    berth: int | str = 0
    """A number or a name."""


def schema(**limits: Block) -> dict[str, Any]:
    blocks = {"Ship": Ship, "Sail": Sail}
    return structural_schema(Ship, {blocks[name]: block for name, block in limits.items()})


def test_a_block_is_written_out_where_it_is_used() -> None:
    sail = {"type": "object", "properties": {"area": {"description": "Square metres.", "type": "integer"}}}
    fields = schema()["properties"]
    bounds = {"minimum": 0, "maximum": 2**32 - 1}
    sail["properties"]["area"] |= bounds  # type: ignore[index]  # the literal above is a mapping of mappings
    assert fields["mainSail"] == {"description": "The largest sail.", **sail}
    assert fields["sails"]["items"] == {"description": "A piece of cloth.", **sail}


def test_line_breaks_of_the_source_do_not_show() -> None:
    assert schema()["properties"]["name"]["description"] == "What is written on it."


def test_null_stays_only_as_a_value_of_a_map() -> None:
    fields = schema()["properties"]
    assert fields["signals"]["additionalProperties"]["nullable"]
    assert "nullable" not in fields["mainSail"]
    assert fields["patience"] == {"description": "How long it waits.", "type": "string"}


def test_only_fields_without_default_are_required() -> None:
    assert schema()["required"] == ["name"]


def test_a_field_can_be_required_that_has_a_default() -> None:
    assert schema(Ship=Block(required=("sails",)))["required"] == ["name", "sails"]


def test_an_enumeration_lists_and_explains_its_values() -> None:
    assert schema()["properties"]["size"] == {
        "description": "How large it is.\n`SMALL`: Fits in a hand.",
        "type": "string",
        "enum": ["SMALL", "LARGE"],
    }


def test_a_bound_that_no_number_can_pass_is_left_out() -> None:
    assert schema()["properties"]["number"] == {"description": "Its number.", "type": "integer", "minimum": 0}


def test_limits_hold_wherever_a_block_stands() -> None:
    fields = schema(Sail=Block(fields={"area": between(1, 9)}, whole=rule("true", "always")))["properties"]
    for sail in (fields["mainSail"], fields["sails"]["items"], fields["signals"]["additionalProperties"]):
        assert sail["properties"]["area"]["maximum"] == 9
        assert sail["x-kubernetes-validations"] == [{"rule": "true", "message": "always"}]


def test_a_further_spelling_has_the_limits_of_its_field() -> None:
    limits = Block(fields={"sails": entries(most=3)}, spellings={"all_sails": "sails"})
    assert schema(Ship=limits)["properties"]["all_sails"]["maxItems"] == 3


def test_where_rules_would_cost_too_much_only_those_about_single_values_stay() -> None:
    sail = Block(fields={"area": rule("self > 0", "some area")}, whole=rule("true", "always"))
    fleet = structural_schema(
        Fleet,
        {
            Ship: Block(fields={"sails": entries(least=1, most=9)}),
            Sail: sail,
            Fleet: Block(frugal=("flagship.sails",)),
        },
    )
    spared, usual = fleet["properties"]["flagship"]["properties"]["sails"], fleet["properties"]["sail"]
    assert "maxItems" not in spared
    assert spared["minItems"] == 1
    assert RULES not in spared["items"]
    assert RULES in usual
    assert RULES in spared["items"]["properties"]["area"]


@pytest.mark.parametrize(
    "limits", [Block(fields={"oars": {}}), Block(required=("oars",)), Block(spellings={"o": "oars"})]
)
def test_a_limit_of_an_unknown_field_is_a_mistake(limits: Block) -> None:
    with pytest.raises(LateenError, match="Ship has no field oars"):
        schema(Ship=limits)


def test_what_has_no_structural_schema_is_a_mistake() -> None:
    with pytest.raises(LateenError, match="no structural schema says this"):
        structural_schema(Harbour, {})


def test_no_part_is_shared_with_another() -> None:
    first, second = schema(), schema()
    first["properties"]["mainSail"]["properties"]["area"]["minimum"] = 5
    assert first["properties"]["sails"]["items"]["properties"]["area"]["minimum"] == 0
    assert second["properties"]["mainSail"]["properties"]["area"]["minimum"] == 0
