"""Retry policies (istio-semantics §1.2.7)."""

from functools import cache
from typing import Final

from envoy.extensions.retry.host.previous_hosts.v3.previous_hosts_pb2 import PreviousHostsPredicate
from envoy.extensions.retry.priority.previous_priorities.v3.previous_priorities_config_pb2 import (
    PreviousPrioritiesConfig,
)

from lateen.envoy.wire import Fields, duration, extension
from lateen.ir.route import Retry

_HOST_ATTEMPTS: Final = 5
_PRIORITY_UPDATES: Final = 2


def retry_policy(retry: Retry) -> Fields:
    """Return the fields of a `RetryPolicy`; a missing backoff or limit per try leaves Envoy's default."""
    fields: Fields = {
        "retry_on": ",".join(retry.on),
        "num_retries": {"value": retry.attempts},
        "host_selection_retry_max_attempts": _HOST_ATTEMPTS,
    }
    if retry.avoid_previous_hosts:
        fields["retry_host_predicate"] = [_previous_hosts()]
    if retry.other_localities:
        fields["retry_priority"] = _previous_priorities()
    if retry.status_codes:
        fields["retriable_status_codes"] = retry.status_codes
    if retry.per_try_timeout is not None:
        fields["per_try_timeout"] = duration(retry.per_try_timeout)
    if retry.backoff is not None:
        fields["retry_back_off"] = {"base_interval": duration(retry.backoff)}
    return fields


@cache
def _previous_hosts() -> Fields:
    return extension("envoy.retry_host_predicates.previous_hosts", PreviousHostsPredicate())


@cache
def _previous_priorities() -> Fields:
    config = PreviousPrioritiesConfig(update_frequency=_PRIORITY_UPDATES)
    return extension("envoy.retry_priorities.previous_priorities", config)
