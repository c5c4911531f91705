"""Choosing by labels: a Gateway its proxies, a service its workloads, a subset its endpoints."""

from collections.abc import Mapping


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pair of the selector is among the labels; an empty selector selects all."""
    return all(labels.get(name) == value for name, value in selector.items())


def selector_name(selector: Mapping[str, str]) -> str:
    """Print a selector as the name of a proxy class: `app=edge,istio=ingressgateway`, or `all`.

    Different selectors have different names: the characters that stand between labels are written as `%2C` and so on.
    """
    return ",".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(selector.items())) or "all"


def _quoted(text: str) -> str:
    return text.replace("%", "%25").replace(",", "%2C").replace("=", "%3D")
