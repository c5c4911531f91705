"""Where a workload is, as its labels tell."""

import pytest

from lateen.semantics.backends import (
    HOST_LABEL,
    REGION_LABEL,
    SUBZONE_LABEL,
    ZONE_LABEL,
    join_place,
    place_from_labels,
    split_place,
    with_topology,
)


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("", ("", "", "")),
        ("eu", ("eu", "", "")),
        ("eu/a", ("eu", "a", "")),
        ("eu/a/1", ("eu", "a", "1")),
        ("eu/a/1/2", ("eu", "a", "1/2")),
    ],
)
def test_a_place_has_up_to_three_parts(place: str, parts: tuple[str, str, str]) -> None:
    assert split_place(place) == parts
    assert join_place(*parts) == place


@pytest.mark.parametrize(
    ("labels", "written", "zone", "place"),
    [
        ({}, "", "", ""),
        ({REGION_LABEL: "eu"}, "", "", "eu"),
        ({REGION_LABEL: "eu", ZONE_LABEL: "a", SUBZONE_LABEL: "1"}, "", "b", "eu/a/1"),
        ({REGION_LABEL: "eu"}, "", "b", "eu/b"),
        ({"istio-locality": "us.b"}, "", "", "us/b"),
        ({"topology.istio.io/locality": "eu/a.b", "istio-locality": "us.b", REGION_LABEL: "x"}, "", "", "eu/a.b"),
        ({"topology.istio.io/locality": "eu.a", REGION_LABEL: "x"}, "us/b/2", "c", "us/b/2"),
    ],
    ids=["unknown", "region", "topology", "zone of the slice", "older label", "newer label first", "written"],
)
def test_what_is_written_goes_before_locality_labels_and_those_before_topology(
    labels: dict[str, str], written: str, zone: str, place: str
) -> None:
    assert place_from_labels(labels, written, zone) == place


def test_topology_becomes_labels_where_the_workload_has_none() -> None:
    labels = {"app": "cart", ZONE_LABEL: "own"}
    assert with_topology(labels, "eu/a", "node-1") == {
        "app": "cart",
        REGION_LABEL: "eu",
        ZONE_LABEL: "own",
        HOST_LABEL: "node-1",
    }
    assert with_topology(labels, "") is labels
