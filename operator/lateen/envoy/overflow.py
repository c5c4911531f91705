"""The log of overflows: one short line for each request or connection that a full pool turned away.

Envoy writes nothing else to it. Lines carry no time, so that those of one cause are equal and
cost a reader nothing; whoever keeps them (a container's log) knows when they came.

There is no limit here. Envoy's only one for access logs (`process_ratelimit`) counts all clusters
together, so one that is overrun would hide the single overflow of another.
"""

from functools import cache
from typing import Final

from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog

from lateen.envoy.wire import Fields, extension

MARK: Final = "overflow"
"""Value of `lateen` in each line."""

PROMPTLY: Final = ("--file-flush-interval-msec", "200")
"""Arguments of an Envoy whose log is followed: else up to ten seconds go by before lines are written."""

_FLAG: Final = "UO"
"""Envoy's word for an upstream overflow: a limit of connections, requests or retries was reached."""


@cache
def overflow_log(path: str) -> tuple[Fields, ...]:
    """Return the access logs of a filter chain; none without a path."""
    if not path:
        return ()
    line = {"lateen": MARK, "cluster": "%UPSTREAM_CLUSTER_RAW%", "details": "%RESPONSE_CODE_DETAILS%"}
    log = extension("envoy.access_loggers.file", FileAccessLog(path=path, log_format={"json_format": line}))
    return ({**log, "filter": {"response_flag_filter": {"flags": [_FLAG]}}},)
