"""A figure that was measured several times: its median, and how far apart the rounds were."""

import statistics
from collections.abc import Sequence

Figures = dict[str, float]
"""Figures by key; `KEY_min` and `KEY_max` stand beside those of several rounds."""


def median_figure(key: str, values: Sequence[float]) -> Figures:
    """The median with the least and the greatest value."""
    return {key: statistics.median(values), f"{key}_min": min(values), f"{key}_max": max(values)}
