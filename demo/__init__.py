"""`make demo`: real backends, a real Envoy run by `lateen up`, and traffic that proves what is said.

A program of this repository, not of the package: it uses `lateen` only as a command, reads the files
of `examples/` as they are, and is left out of the wheel.
"""
