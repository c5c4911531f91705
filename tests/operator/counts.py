"""Counters, as programs tell them to Prometheus."""

import re
from collections.abc import Iterator, Mapping

from tests.apiserver.client import ApiClient

_LINE = re.compile(r"^(?P<name>[a-zA-Z_:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(text: str, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
    """Each sample of a metric: its labels and its value."""
    for line in text.splitlines():
        if line.startswith(name) and (found := _LINE.match(line)) and found["name"] == name:
            yield dict(_LABEL.findall(found["labels"] or "")), float(found["value"])


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of a metric that have these labels."""
    return sum(value for found, value in samples(text, name) if found.items() >= labels.items())


def status_writes(api: ApiClient) -> float:
    """How often the API server has been asked to change the status of Istio's objects, ever."""
    wanted = {"verb": "PATCH", "group": "networking.istio.io", "subresource": "status"}
    return value(api.http.get("/metrics").text, "apiserver_request_total", **wanted)


def writes(api: ApiClient) -> Mapping[str, float]:
    """How often the API server has been asked to write, by verb and resource."""
    found: dict[str, float] = {}
    for labels, number in samples(api.http.get("/metrics").text, "apiserver_request_total"):
        if labels.get("verb") in {"PATCH", "POST", "PUT", "DELETE", "APPLY"}:
            name = f"{labels['verb']} {labels['resource']}/{labels.get('subresource', '')}"
            found[name] = found.get(name, 0) + number
    return found
