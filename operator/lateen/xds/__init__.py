"""The protocol: what proxies are sent, in which order, and what they said to it.

Everything but `server`, `session`, `transport` and `peers` is sans I/O: requests and changes go in,
responses come out, time comes from a clock that is passed in. These four speak gRPC.
"""
