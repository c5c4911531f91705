"""Choosing by labels: a Gateway its proxies, a service its workloads, a subset its endpoints."""

from collections.abc import Mapping


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pair of the selector is among the labels; an empty selector selects all."""
    return all(labels.get(name) == value for name, value in selector.items())


def selector_name(selector: Mapping[str, str]) -> str:
    """Print a selector as the name of a proxy class: `app=edge,istio=ingressgateway`, or `all`."""
    return ",".join(f"{name}={value}" for name, value in sorted(selector.items())) or "all"
