"""What Kubernetes and Prometheus ask of an operator over HTTP.

    GET /livez      200: the loop turns, as it shows by answering
    GET /readyz     200 once everything there was is compiled, and proxies are served
    GET /metrics    Prometheus' text format

Losing the API server makes an operator neither dead nor unready: proxies are served as before,
and the watcher, which has a loop of its own, is started again by its supervisor.
"""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lateen.runtime.metrics import CONTENT_TYPE, Metrics


@dataclass(slots=True)
class Health:
    """What is known about this process."""

    ready: bool = False
    """Whether everything there was is compiled, and proxies are served."""


def build_health(health: Health, metrics: Metrics) -> Starlette:
    """Make the application."""

    async def live(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ok\n") if health.ready else PlainTextResponse("not synced yet\n", 503)

    async def scrape(_: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/livez", live), Route("/readyz", ready), Route("/metrics", scrape)])
