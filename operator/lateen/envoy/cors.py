"""Cross-origin policies (istio-semantics §1.2.10)."""

from typing import Final

from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy

from lateen.envoy.match import string_matcher
from lateen.envoy.wire import Fields, packed
from lateen.ir.route import Cors

CORS_FILTER: Final = "envoy.filters.http.cors"
"""Name of the filter; a route's own settings are found by it."""

_ALWAYS: Final = 100


def cors_config(cors: Cors) -> Fields:
    """Return the packed settings of one route."""
    fields: Fields = {
        "filter_enabled": {"default_value": {"numerator": _ALWAYS}},
        "forward_not_matching_preflights": {"value": cors.forward_unmatched_preflights},
        "allow_origin_string_match": [string_matcher(origin) for origin in cors.origins],
        "allow_methods": cors.methods,
        "allow_headers": cors.headers,
        "expose_headers": cors.expose,
        "max_age": cors.max_age,
    }
    if cors.credentials is not None:
        fields["allow_credentials"] = {"value": cors.credentials}
    return packed(CorsPolicy(**fields))
