"""One report out of those of all replicas."""

from typing import Any

import pytest
from tests.unit.cli.test_status import REPORT, STREAM

from lateen.runtime.instance_report import Report
from lateen.runtime.replica_reports import merge_reports, merge_resources
from lateen.runtime.resource_listing import ResourceFields


def report(name: str, *, leading: bool = False, waiting: int = 0, **streams: list[str]) -> Report:
    proxies = [
        {
            **REPORT["proxies"][0],
            "proxy": proxy,
            "phase": "ready" if leading else "starting",
            "streams": [{**STREAM, "node": node} for node in nodes],
        }
        for proxy, nodes in streams.items()
    ]
    instance = {**REPORT["instance"], "name": name, "leading": leading, "waiting": waiting}
    merged: Any = {**REPORT, "instance": instance, "proxies": proxies}
    return merged  # type: ignore[no-any-return]  # put together from parts


def test_streams_of_all_replicas_stand_in_the_leaders_report() -> None:
    merged = merge_reports([report("b", waiting=3, edge=["e2"], inner=["i1"]), report("a", leading=True, edge=["e1"])])
    assert merged["instance"]["name"] == "a"
    assert merged["instance"]["waiting"] == 3
    assert [each["name"] for each in merged["replicas"]] == ["a", "b"]
    assert [(each["proxy"], each["phase"]) for each in merged["proxies"]] == [("edge", "ready"), ("inner", "starting")]
    streams = [(stream["node"], stream["replica"]) for proxy in merged["proxies"] for stream in proxy["streams"]]
    assert streams == [("e1", "a"), ("e2", "b"), ("i1", "b")]


def test_without_a_leader_the_first_one_speaks() -> None:
    assert merge_reports([report("b"), report("a")])["instance"]["name"] == "b"


def resource(state: str, proxies: int, version: str = "1") -> list[ResourceFields]:
    return [
        ResourceFields(
            proxy="shared/edge",
            type="routes",
            name="a",
            version=version,
            state=state,
            origins=[],
            resource={},
            proxies=proxies,
        )
    ]


@pytest.mark.parametrize(
    ("listings", "state", "proxies"),
    [
        ([resource("acknowledged", 2), resource("pending", 0)], "acknowledged", 2),
        ([resource("pending", 0), resource("pending", 0)], "pending", 0),
        ([resource("acknowledged", 1), resource("pending", 1)], "pending", 2),
        ([resource("acknowledged", 1), resource("refused", 1)], "refused", 2),
        ([resource("unused", 1), resource("acknowledged", 1)], "acknowledged", 2),
        ([resource("acknowledged", 1), resource("acknowledged", 1, version="2")], "pending", 2),
    ],
)
def test_a_resource_is_as_far_as_it_is_with_all_proxies(
    listings: list[list[ResourceFields]], state: str, proxies: int
) -> None:
    (merged,) = merge_resources(listings)
    assert (merged["state"], merged["proxies"]) == (state, proxies)
