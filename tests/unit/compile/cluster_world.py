"""The tables of clusters and endpoints alone, with a list of what is wanted in place of routes."""

from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster as ClusterMessage
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from tests.unit.semantics.objects import proxy

from lateen.compile.clusters import add_upstreams
from lateen.compile.inputs import add_inputs
from lateen.compile.names import WantedCluster
from lateen.compile.services import add_services
from lateen.compile.settings import CompileSettings
from lateen.engine import Commit, Engine, Table
from lateen.ir.proxy import Proxy
from lateen.ir.route import ClusterRef
from lateen.model.objects import Object

CART = "cart.shop.svc.cluster.local"


class World:
    """The tables, with a proxy in namespace `edge` and a list of what is wanted."""

    def __init__(self, viewer: Proxy | None = None) -> None:
        """Build the tables; nothing is wanted yet."""
        self.engine = Engine()
        self.inputs = add_inputs(self.engine)
        services = add_services(self.engine, self.inputs, CompileSettings())
        self.wanted: Table[WantedCluster, bool] = self.engine.input("wanted")
        index = self.engine.index("wanted_clusters", self.wanted, lambda key, _: (key,))
        self.tables = add_upstreams(self.engine, self.inputs, self.inputs.proxies, services, (index,))
        self.proxy = viewer or proxy("edge")
        self.engine.set(self.inputs.proxies, self.proxy.id, self.proxy)

    def put(self, *objects: Object[Any]) -> Commit:
        for obj in objects:
            table = self.inputs.table(obj.key.kind)
            assert table is not None
            self.engine.set(table, obj.key, obj)
        return self.engine.commit()

    def remove(self, obj: Object[Any]) -> Commit:
        table = self.inputs.table(obj.key.kind)
        assert table is not None
        self.engine.set(table, obj.key, None)
        return self.engine.commit()

    def want(self, host: str = CART, port: int = 80, name: str = "") -> WantedCluster:
        key = WantedCluster(self.proxy.id, ClusterRef(host, port, name))
        self.engine.set(self.wanted, key, True)  # noqa: FBT003 - a row has to have a value
        self.engine.commit()
        return key

    def addresses(self, key: WantedCluster) -> list[str] | None:
        """The endpoints delivered for a cluster; None: nothing is."""
        resource = self.tables.endpoints.values.get(key)
        return None if resource is None else listed(ClusterLoadAssignment.FromString(resource.body))

    def cluster(self, key: WantedCluster) -> Any:
        return ClusterMessage.FromString(self.tables.clusters.values[key].body)


def listed(assignment: Any) -> list[str]:
    addresses = [each.endpoint.address for group in assignment.endpoints for each in group.lb_endpoints]
    return [f"{each.socket_address.address}:{each.socket_address.port_value}" for each in addresses]
