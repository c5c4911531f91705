"""Measurements: `make bench` runs them all, `python -m tests.bench PROGRAM…` some.

Nothing here is a test: what must hold on every machine is counted (cells, resources, lost
requests) by ordinary tests, which `make test` runs.
"""
