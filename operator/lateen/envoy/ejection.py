"""Outlier detection: which endpoints are ejected, and for how long (istio-semantics §1.3.5)."""

from typing import Final

from lateen.envoy.wire import Fields, duration
from lateen.ir.cluster import Ejection

_ALWAYS: Final = 100


def outlier_detection(ejection: Ejection) -> Fields:
    """Return the fields of an `OutlierDetection`; unset values leave Envoy's defaults.

    A detector set to 0 is off. Success rates never eject. Without a written share, one
    endpoint may always be ejected, however few there are (istio-semantics Appendix F);
    a written share holds strictly.
    """
    fields: Fields = {"enforcing_success_rate": {"value": 0}}
    _detector(fields, "consecutive_5xx", ejection.consecutive_5xx)
    _detector(fields, "consecutive_gateway_failure", ejection.consecutive_gateway_errors)
    if ejection.split_local_errors:
        fields["split_external_local_origin_errors"] = True
        fields["enforcing_local_origin_success_rate"] = {"value": 0}
        _detector(fields, "consecutive_local_origin_failure", ejection.consecutive_local_failures or None)
    if ejection.interval is not None:
        fields["interval"] = duration(ejection.interval)
    if ejection.base_time is not None:
        fields["base_ejection_time"] = duration(ejection.base_time)
    if ejection.max_percent is None:
        fields["always_eject_one_host"] = {"value": True}
    else:
        fields["max_ejection_percent"] = {"value": ejection.max_percent}
    return fields


def _detector(fields: Fields, name: str, threshold: int | None) -> None:
    if threshold is not None:
        fields[name] = {"value": threshold}
        fields[f"enforcing_{name}"] = {"value": _ALWAYS if threshold else 0}
