"""Hash policies: what a consistent-hash load balancer looks at (istio-semantics §1.3.2)."""

from lateen.envoy.wire import Fields, duration
from lateen.ir.route import HashPolicy, HashSource


def hash_policy(policy: HashPolicy) -> Fields:
    """Return the fields of a route's `HashPolicy`."""
    match policy.source:
        case HashSource.HEADER:
            return {"header": {"header_name": policy.name}}
        case HashSource.QUERY:
            return {"query_parameter": {"name": policy.name}}
        case HashSource.SOURCE_IP:
            return {"connection_properties": {"source_ip": policy.enabled}}
        case HashSource.COOKIE:
            return {"cookie": _cookie(policy)}


def _cookie(policy: HashPolicy) -> Fields:
    fields: Fields = {"name": policy.name}
    if policy.cookie_path:
        fields["path"] = policy.cookie_path
    if policy.cookie_ttl is not None:
        fields["ttl"] = duration(policy.cookie_ttl)
    if policy.cookie_attributes:
        fields["attributes"] = [{"name": name, "value": value} for name, value in policy.cookie_attributes]
    return fields
