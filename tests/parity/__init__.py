"""`make parity`: judges Lateen by cases that others wrote, and keeps the rates from falling.

A case is data: objects and what should become of them. Nothing here knows a case by name but
`departures.toml`, where Lateen differs on purpose.
"""
