"""Where a rule sends its requests: weights, mirrors, rewrites (istio-semantics §1.2.5, §1.2.9)."""

from collections.abc import Iterator
from typing import Protocol

from lateen.ir.route import ClusterRef, Forward, HashPolicy, Mirror, Target
from lateen.model.virtualservice import Destination, HttpRule
from lateen.semantics.fault import MILLION_PER_PERCENT, per_million
from lateen.semantics.headers import authority_of, header_ops
from lateen.semantics.retry import lower_retries

MILLION = 1_000_000


class Destinations(Protocol):
    """What has to be looked up about a destination; every look-up is a dependency of the route."""

    def cluster(self, destination: Destination, namespace: str, port: int) -> ClusterRef:
        """The cluster meant by a destination written in `namespace`.

        `port` is that of the server, for a destination without one whose service has several.
        """

    def hash_policies(self, destination: Destination, cluster: ClusterRef) -> tuple[HashPolicy, ...]:
        """What requests to the destination are hashed by, from its DestinationRule."""


def lower_forward(rule: HttpRule, namespace: str, port: int, destinations: Destinations) -> Forward:
    """Lower `route` and what belongs to it.

    Header changes stay with their destination; those of the only one follow the rule's own (§1.2.4).
    """
    weighted = len(rule.route) > 1
    authority = rule.rewrite.authority if rule.rewrite and rule.rewrite.authority else authority_of(rule.headers)
    targets: list[Target] = []
    policies: dict[HashPolicy, None] = {}
    for entry in rule.route:
        if weighted and not entry.weight:
            continue
        cluster = destinations.cluster(entry.destination, namespace, port)
        policies |= dict.fromkeys(destinations.hash_policies(entry.destination, cluster))
        targets.append(
            Target(
                cluster,
                weight=entry.weight if weighted else 1,
                ops=header_ops(entry.headers),
                host_rewrite="" if authority else authority_of(entry.headers),
            )
        )
    rewrite = rule.rewrite
    regex = rewrite.uri_regex_rewrite if rewrite else None
    return Forward(
        targets=tuple(targets),
        weighted=weighted,
        timeout=rule.timeout or 0.0,
        retry=lower_retries(rule.retries, sticky=bool(policies) and not weighted),
        path_rewrite=rewrite.uri if rewrite else "",
        regex_rewrite=(regex.match, regex.rewrite) if regex else None,
        host_rewrite=authority,
        mirrors=tuple(_mirrors(rule, namespace, port, destinations)),
        hash_policies=tuple(policies),
    )


def _mirrors(rule: HttpRule, namespace: str, port: int, destinations: Destinations) -> Iterator[Mirror]:
    if rule.mirror is not None:
        if rule.mirror_percentage is not None:
            share = per_million(rule.mirror_percentage)
        elif rule.mirror_percent is not None:
            share = rule.mirror_percent * MILLION_PER_PERCENT
        else:
            share = MILLION
        if share > 0:
            yield Mirror(destinations.cluster(rule.mirror, namespace, port), share)
    for entry in rule.mirrors:
        share = per_million(entry.percentage) if entry.percentage is not None else MILLION
        if share > 0:
            yield Mirror(destinations.cluster(entry.destination, namespace, port), share)
