"""TCP proxies (istio-semantics §1.2.11)."""

from typing import Final

from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy

from lateen.envoy.names import cluster_name
from lateen.envoy.overflow import overflow_log
from lateen.envoy.wire import Fields, duration, extension
from lateen.ir.listener import TcpChain, Tunnel

_FILTER: Final = "envoy.filters.network.tcp_proxy"


def tcp_filter(chain: TcpChain, event_log: str = "") -> Fields:
    """Return the network filter of a TCP chain; unset times leave Envoy's defaults (idle: one hour).

    Overflows are written to `event_log`, if any.
    """
    fields: Fields = {"stat_prefix": chain.stat_prefix, "access_log": overflow_log(event_log), **_destination(chain)}
    if chain.idle_timeout is not None:
        fields["idle_timeout"] = duration(chain.idle_timeout)
    if chain.max_connection_duration is not None:
        fields["max_downstream_connection_duration"] = duration(chain.max_connection_duration)
    if chain.hash_source_ip:
        fields["hash_policy"] = [{"source_ip": {}}]
    if chain.tunnel is not None:
        fields["tunneling_config"] = _tunnel(chain.tunnel)
    return extension(_FILTER, TcpProxy(**fields))


def _destination(chain: TcpChain) -> Fields:
    if not chain.weighted and len(chain.targets) == 1:
        return {"cluster": cluster_name(chain.targets[0].cluster)}
    clusters = [{"name": cluster_name(target.cluster), "weight": target.weight} for target in chain.targets]
    return {"weighted_clusters": {"clusters": clusters}}


def _tunnel(tunnel: Tunnel) -> Fields:
    return {"hostname": tunnel.target, "use_post": tunnel.use_post}
