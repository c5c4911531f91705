"""Lateen: Istio's traffic resources, compiled into running Envoy proxies."""
