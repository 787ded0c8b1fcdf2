"""Charts as plain numbers: where a template draws lines, marks and whiskers. Each has a table beside it."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 640, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 26
_MOST_TICKS = 8


class Point(NamedTuple):
    """A value, and its interval if it has one."""

    x: float
    y: float
    interval: tuple[float, float] | None = None


class Series(NamedTuple):
    """Values of one name; `style` is a class of the stylesheet, which differ in more than colour."""

    name: str
    style: str
    points: Sequence[Point]


class Mark(NamedTuple):
    """A value as it is drawn: in units of the chart, from its upper left corner."""

    x: float
    y: float
    top: float
    bottom: float


class Drawn(NamedTuple):
    """A series as it is drawn; `path` is for a polyline."""

    name: str
    style: str
    path: str
    marks: Sequence[Mark]


class Chart(NamedTuple):
    """All that a template needs; ticks are places and texts."""

    title: str
    series: Sequence[Drawn]
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def chart(
    title: str,
    series: Sequence[Series],
    *,
    x_ticks: Sequence[tuple[float, str]],
    x_range: tuple[float, float],
    highest: float = 1.0,
) -> Chart:
    """A chart whose values are 0 to `highest`; of many ticks some are left out."""
    first, last = x_range

    def across(x: float) -> float:
        place = (x - first) / (last - first) if last > first else 0.5
        return round(_LEFT + place * (WIDTH - _LEFT - _RIGHT), 1)

    def down(y: float) -> float:
        return round(HEIGHT - _BOTTOM - y / (highest or 1.0) * (HEIGHT - _TOP - _BOTTOM), 1)

    def drawn(one: Series) -> Drawn:
        marks = []
        for point in one.points:
            low, high = point.interval or (point.y, point.y)
            marks.append(Mark(across(point.x), down(point.y), down(high), down(low)))
        return Drawn(one.name, one.style, " ".join(f"{mark.x},{mark.y}" for mark in marks), marks)

    every = -(-len(x_ticks) // _MOST_TICKS) or 1
    return Chart(
        title,
        [drawn(one) for one in series if one.points],
        [(across(x), text) for x, text in x_ticks[::every]],
        [(down(part * highest), f"{part * highest:.3g}") for part in (0.0, 0.25, 0.5, 0.75, 1.0)],
    )
