"""Config sources: every resource comes over the one aggregated stream (ADS)."""

from typing import Final

from lateen.envoy.wire import Fields, duration

_VERSION: Final = "V3"


def patient_source() -> Fields:
    """Return the source of routes, scopes and endpoints: Envoy waits for them as long as it takes.

    Serving without them would answer 404 or 503 where the last configuration answered 200.
    """
    return {"ads": {}, "resource_api_version": _VERSION, "initial_fetch_timeout": duration(0)}


def secret_source() -> Fields:
    """Return the source of secrets: after Envoy's 15 s the listener starts without a missing one.

    Handshakes of that chain fail then, other chains work (istio-semantics §2.8).
    """
    return {"ads": {}, "resource_api_version": _VERSION}
