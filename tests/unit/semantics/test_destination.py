"""Where a rule sends requests: weights, rewrites, mirrors, retries and hashes."""

from typing import Any

import pytest
from tests.unit.semantics.destinations import Written
from tests.unit.semantics.objects import http_rule, to

from lateen.ir.route import ClusterRef, Forward, HashPolicy, HashSource, HeaderOps, Mirror, Target
from lateen.semantics.destination import lower_forward


def lower(hashed: tuple[str, ...] = (), **fields: Any) -> Forward:
    return lower_forward(http_rule(**fields), "shop", 80, Written(hashed))


def weights(*route: dict[str, Any]) -> list[tuple[str, int]]:
    return [(target.cluster.host, target.weight) for target in lower(route=list(route)).targets]


def test_a_single_destination_gets_everything_whatever_its_weight() -> None:
    for entry in (to("one"), to("one", 5)):
        action = lower(route=[entry])
        assert (action.targets, action.weighted) == ((Target(ClusterRef("one", 80)),), False)


def test_weights_are_taken_as_they_are_and_zero_is_left_out() -> None:
    assert weights(to("one", 1), to("two", 3)) == [("one", 1), ("two", 3)]
    assert weights(to("one"), to("two", 1)) == [("two", 1)]
    assert lower(route=[to("one"), to("two", 1)]).weighted


def test_a_destination_may_name_port_and_subset() -> None:
    (target,) = lower(route=[to("one", port=8080, subset="v1")]).targets
    assert target.cluster == ClusterRef("one", 8080, "v1")


def test_without_a_timeout_there_is_none() -> None:
    assert lower(route=[to("one")]).timeout == 0.0
    assert lower(route=[to("one")], timeout="1.5s").timeout == 1.5


@pytest.mark.parametrize(
    ("rewrite", "path", "regex", "host"),
    [
        (None, "", None, ""),
        ({"uri": "/x"}, "/x", None, ""),
        ({"uri": "", "authority": "b.com"}, "", None, "b.com"),
        ({"uriRegexRewrite": {"match": "/a/(.*)", "rewrite": r"/\1"}}, "", ("/a/(.*)", r"/\1"), ""),
    ],
)
def test_rewrites_change_path_and_host(
    rewrite: dict[str, Any] | None, path: str, regex: tuple[str, str] | None, host: str
) -> None:
    action = lower(route=[to("one")], rewrite=rewrite)
    assert (action.path_rewrite, action.regex_rewrite, action.host_rewrite) == (path, regex, host)


REWRITE: dict[str, Any] = {"rewrite": {"authority": "rewrite"}}
RULE: dict[str, Any] = {"headers": {"request": {"set": {"Host": "rule"}}}}
OWN: dict[str, Any] = {"headers": {"request": {"set": {":authority": "own"}}}}


@pytest.mark.parametrize(
    ("fields", "options", "of_rule", "of_target"),
    [
        ({**REWRITE, **RULE}, OWN, "rewrite", ""),
        (RULE, OWN, "rule", ""),
        ({}, OWN, "", "own"),
        ({}, {}, "", ""),
    ],
)
@pytest.mark.parametrize("more", [(), (to("other", 1),)])
def test_the_host_is_rewritten_by_rewrite_then_rule_then_destination(
    fields: dict[str, Any], options: dict[str, Any], of_rule: str, of_target: str, more: tuple[dict[str, Any], ...]
) -> None:
    action = lower(route=[to("one", 1, **options), *more], **fields)
    assert (action.host_rewrite, action.targets[0].host_rewrite) == (of_rule, of_target)


def test_header_changes_stay_with_their_destination() -> None:
    changes: dict[str, Any] = {"headers": {"request": {"add": {"x": "1"}}}}
    one, two = lower(route=[to("one", 1, **changes), to("two", 1)]).targets
    assert (one.ops, two.ops) == (HeaderOps(request_add=(("x", "1"),)), HeaderOps())
    assert lower(route=[to("one", **changes)]).targets[0].ops == one.ops


@pytest.mark.parametrize(
    ("fields", "mirrored"),
    [
        ({}, []),
        ({"mirror": {"host": "m"}}, [("m", 1_000_000)]),
        ({"mirror": {"host": "m"}, "mirrorPercentage": {"value": 0.57}}, [("m", 5699)]),
        ({"mirror": {"host": "m"}, "mirrorPercentage": {"value": 0}}, []),
        ({"mirror": {"host": "m"}, "mirrorPercentage": {}}, []),
        ({"mirror": {"host": "m"}, "mirrorPercent": 25}, [("m", 250_000)]),
        ({"mirror": {"host": "m"}, "mirrorPercent": 0}, []),
        ({"mirror": {"host": "m"}, "mirrorPercent": 25, "mirrorPercentage": {"value": 1}}, [("m", 10_000)]),
        (
            {
                "mirrors": [
                    {"destination": {"host": "a"}},
                    {"destination": {"host": "b"}, "percentage": {"value": 0}},
                    {"destination": {"host": "c"}, "percentage": {"value": 50}},
                ]
            },
            [("a", 1_000_000), ("c", 500_000)],
        ),
    ],
)
def test_mirrors_get_their_share_or_everything(fields: dict[str, Any], mirrored: list[tuple[str, int]]) -> None:
    expected = tuple(Mirror(ClusterRef(host, 80), share) for host, share in mirrored)
    assert lower(route=[to("one")], **fields).mirrors == expected


def test_hash_policies_are_those_of_all_destinations_once_each() -> None:
    policy = HashPolicy(HashSource.HEADER, "x-user")
    assert lower(("one", "two"), route=[to("one", 1), to("two", 1), to("three", 1)]).hash_policies == (policy,)
    assert lower((), route=[to("one")]).hash_policies == ()


def test_a_hash_keeps_retries_of_a_single_destination_at_its_host() -> None:
    def avoids(*route: dict[str, Any]) -> bool:
        retry = lower(("one",), route=list(route)).retry
        assert retry is not None
        return retry.avoid_previous_hosts

    assert not avoids(to("one"))
    assert avoids(to("other"))
    assert avoids(to("one", 1), to("other", 1))
