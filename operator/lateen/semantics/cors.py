"""Cross-origin policies (istio-semantics §1.2.10)."""

from lateen.ir.match import MatchKind, StringMatch
from lateen.ir.route import Cors
from lateen.model.routeaction import CorsSpec
from lateen.semantics.matching import string_match


def lower_cors(spec: CorsSpec | None) -> Cors | None:
    """Lower a `corsPolicy` block."""
    if spec is None:
        return None
    if spec.allow_origins:
        origins = tuple(string_match(origin) for origin in spec.allow_origins)
    else:
        origins = tuple(StringMatch(MatchKind.EXACT, origin) for origin in spec.allow_origin)
    return Cors(
        origins=origins,
        methods=",".join(spec.allow_methods),
        headers=",".join(spec.allow_headers),
        expose=",".join(spec.expose_headers),
        max_age="" if spec.max_age is None else str(int(spec.max_age)),
        credentials=spec.allow_credentials,
        forward_unmatched_preflights=spec.unmatched_preflights != "IGNORE",
    )
