"""Certificates that Lateen issues: an authority of its own, the certificates it signs, their renewal.

Nothing here has a clock or reaches a system: the time is an argument, in seconds since 1970,
and what makes keys is passed in where a result has to be repeatable. The only package that
knows `cryptography`.
"""
