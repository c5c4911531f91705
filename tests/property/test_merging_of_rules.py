"""VirtualServices on one host: their routes stand in the documented order (istio-semantics §2.3.6, §2.3.7, §2.5)."""

from dataclasses import dataclass
from typing import Any

from envoy.config.route.v3.route_pb2 import RouteConfiguration
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.worlds import raw

from lateen.compile.compiler import compile as compile_all
from lateen.compile.settings import CompileSettings
from lateen.ir.resource import ResourceType
from lateen.model.keys import Kind
from lateen.model.objects import Change
from lateen.validation.intake import Intake

INTAKE = Intake()
EDGE = "edge"
"""Namespace of the proxy."""


@dataclass(frozen=True)
class Written:
    """One VirtualService as a test writes it: what it says, and how its routes are recognised."""

    namespace: str
    name: str
    created: str
    export_to: tuple[str, ...]
    matches: tuple[tuple[str, bool], ...]
    """For each rule: the prefix of its path, and whether a header is asked for."""

    def order(self) -> tuple[int, str, str, str]:
        """Private to the proxy's namespace, then exported to it, then public; then by age, name and namespace."""
        public = not self.export_to or "*" in self.export_to
        closeness = ("private", "exported", "public").index(
            "public" if public else "private" if self.namespace == EDGE else "exported"
        )
        return (closeness, self.created, self.name, self.namespace)

    def routes(self) -> list[tuple[str, bool]]:
        """The names of its routes up to the first that catches everything, and whether each one does."""
        out = []
        for number, (prefix, with_header) in enumerate(self.matches):
            out.append((f"{self.namespace}-{self.name}-{number}", prefix == "/" and not with_header))
            if out[-1][1]:
                break
        return out

    def change(self) -> Change:
        """The object."""
        http = [
            {
                "name": f"{self.namespace}-{self.name}-{number}",
                "match": [{"uri": {"prefix": prefix}, **({"headers": {"x": {"exact": "1"}}} if with_header else {})}],
                "directResponse": {"status": 200},
            }
            for number, (prefix, with_header) in enumerate(self.matches)
        ]
        spec: dict[str, Any] = {"hosts": ["a.com"], "gateways": [f"{EDGE}/gw"], "http": http}
        if self.export_to:
            spec["exportTo"] = list(self.export_to)
        return Change(*raw(Kind.VIRTUAL_SERVICE, self.namespace, self.name, created=self.created, spec=spec))


@st.composite
def written(draw: st.DrawFn) -> Written:
    """VirtualServices that the proxy sees."""
    namespace = draw(st.sampled_from([EDGE, "shop"]))
    exports: list[tuple[str, ...]] = [(), ("*",), (EDGE,), (EDGE, "team")]
    if namespace == EDGE:
        exports += [(".",), (".", "team")]
    return Written(
        namespace,
        draw(st.sampled_from(["a", "b", "c"])),
        draw(st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])),
        draw(st.sampled_from(exports)),
        tuple(draw(st.lists(st.tuples(st.sampled_from(["/", "/a", "/a/b"]), st.booleans()), min_size=1, max_size=4))),
    )


pairs = st.lists(written(), min_size=1, max_size=3, unique_by=lambda each: (each.namespace, each.name))


@given(pairs)
@settings(max_examples=100)
def test_routes_stand_in_the_order_of_their_rules_with_catch_alls_last(services: list[Written]) -> None:
    servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]
    gateway = raw(Kind.GATEWAY, EDGE, "gw", spec={"selector": {"istio": "ingress"}, "servers": servers})
    changes = [Change(*gateway), *(each.change() for each in services)]
    compiler, outcome = compile_all(changes, CompileSettings(), INTAKE)
    assert outcome.refused == ()
    (proxy,) = compiler.graph.placement.proxies.values
    (body,) = [row.body for key, row in compiler.resources(proxy).items() if key.type is ResourceType.ROUTE]
    (host,) = RouteConfiguration.FromString(body).virtual_hosts
    joined = [route for each in sorted(services, key=Written.order) for route in each.routes()]
    expected = [name for name, _ in sorted(joined, key=lambda route: route[1])]
    assert [route.name for route in host.routes] == expected
