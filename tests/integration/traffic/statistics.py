"""Bounds that chance does not leave: four standard deviations, once in 16,000 runs."""

from math import sqrt


def plausible(count: int, tries: int, share: float) -> bool:
    """Whether so many of the tries are what chance gives for the share."""
    return abs(count - tries * share) <= 4 * sqrt(tries * share * (1 - share))
