"""Objects as people type them."""

import click
import pytest

from lateen.cli.objects import parse_object
from lateen.model.keys import Key, Kind


@pytest.mark.parametrize(
    "text",
    ["vs/cart", "VS/cart", "virtualservice/cart", "VirtualServices/cart", "virtualservices.networking.istio.io/cart"],
)
def test_kinds_are_spelled_in_any_usual_way(text: str) -> None:
    assert parse_object(text, "shop") == Key(Kind.VIRTUAL_SERVICE, "shop", "cart")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("gw/x", Kind.GATEWAY),
        ("dr/x", Kind.DESTINATION_RULE),
        ("serviceentries/x", Kind.SERVICE_ENTRY),
        ("we/x", Kind.WORKLOAD_ENTRY),
        ("sidecar/x", Kind.SIDECAR),
    ],
)
def test_every_kind_is_known(text: str, kind: Kind) -> None:
    assert parse_object(text, "default").kind is kind


def test_a_namespace_can_stand_in_the_middle() -> None:
    assert parse_object("vs/other/cart", "shop") == Key(Kind.VIRTUAL_SERVICE, "other", "cart")


@pytest.mark.parametrize("text", ["cart", "vs/", "vs//cart", "vs/a/b/c", ""])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no object; write KIND/NAME"):
        parse_object(text, "shop")


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(click.BadParameter, match=r"there is no kind 'vss'; there are Gateway/gw, VirtualService/vs"):
        parse_object("vss/cart", "shop")
