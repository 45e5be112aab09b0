"""Charts as SVG that the server draws: readable without a script, at any width, by the colours of the page's theme.

Horizontal places are in per cent and vertical ones in pixels, so that text keeps its size at every width.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

# The height of the plot, and of the space above it for the highest number.
PLOT_HEIGHT, TOP = 144, 16
MAX_GRID_LINES = 4
# The share of its slot that a bar leaves free.
GAP = 0.25
MAX_TICKS = 5


class Point(msgspec.Struct, frozen=True):
    """A value of a series: its short name for the axis, its size, and the text that tells both."""

    name: str
    value: float
    text: str


class Bar(msgspec.Struct, frozen=True):
    """A bar; `x` and `width` of its slot in per cent, `path` in a box of 100 by 100."""

    x: float
    width: float
    path: str
    text: str


class GridLine(msgspec.Struct, frozen=True):
    """A line across the plot, and the number that it stands for."""

    y: float
    value: float


class Tick(msgspec.Struct, frozen=True):
    """A name below the plot."""

    x: float
    name: str


class BarChart(msgspec.Struct, frozen=True):
    """A chart of bars, ready to be drawn by the macro `bar_chart`.

    `previous` is the path of a line over the bars, `lower` that of bars below the axis, `depth` their height; paths
    are in the box of the bars.
    """

    bars: list[Bar]
    lines: list[GridLine]
    ticks: list[Tick]
    previous: str = ""
    lower: str = ""
    depth: float = 0
    top: int = TOP
    plot_height: int = PLOT_HEIGHT


def bar_chart(points: Sequence[Point], *, previous: Sequence[float] = (), lower: Sequence[float] = ()) -> BarChart:
    """Return the chart of a series; negative values have no bar.

    `previous` has the values of the range before, drawn as a line; `lower` those of a second series, which hangs below
    the axis, in the same scale.
    """
    values = [*(point.value for point in points), *previous]
    step = _grid_step(max([*values, *lower], default=0))
    highest = max([*values, step])
    slot = 100 / max(len(points), 1)
    bars = [_bar(number, point, slot, highest) for number, point in enumerate(points)]
    lines = [
        GridLine(TOP + PLOT_HEIGHT * (1 - number * step / highest), number * step)
        for number in range(1, math.floor(highest / step) + 1)
    ]
    every = math.ceil(len(points) / MAX_TICKS) or 1
    ticks = [Tick(round(number * slot, 3), points[number].name) for number in range(0, len(points), every)]
    depth = PLOT_HEIGHT * max(lower, default=0) / highest
    hanging = "".join(_hanging_bar(number, value, slot, highest) for number, value in enumerate(lower))
    return BarChart(bars, lines, ticks, _line(previous, slot, highest), hanging, round(depth, 1))


def _line(values: Sequence[float], slot: float, highest: float) -> str:
    places = (
        f"{number * slot + slot / 2:.3f},{100 - 100 * value / highest:.3f}" for number, value in enumerate(values)
    )
    return "M" + " ".join(places) if values else ""


def _hanging_bar(number: int, value: float, slot: float, highest: float) -> str:
    width = slot * (1 - GAP)
    x = number * slot + slot * GAP / 2
    return f"M{x:.3f} 100h{width:.3f}v{100 * value / highest:.3f}h{-width:.3f}z" if value else ""


def _bar(number: int, point: Point, slot: float, highest: float) -> Bar:
    height = 100 * max(point.value, 0) / highest
    x, width = number * slot + slot * GAP / 2, slot * (1 - GAP)
    path = f"M{x:.3f} {100 - height:.3f}h{width:.3f}V100h{-width:.3f}z" if height else ""
    return Bar(round(number * slot, 3), round(slot, 3), path, point.text)


def _grid_step(highest: float) -> float:
    """Return the distance of the grid lines: 1, 2 or 5 with zeros, so that there are few."""
    if highest <= 0:
        return 1
    size = 10.0 ** math.floor(math.log10(highest / MAX_GRID_LINES))
    return next(factor * size for factor in (1, 2, 5, 10) if highest / (factor * size) <= MAX_GRID_LINES)


class Series(msgspec.Struct, frozen=True):
    """A line: its name, its values by place on the axis, and whether it is one of those that are compared with."""

    name: str
    points: Sequence[tuple[float, float]]
    is_compared: bool = False


class Line(msgspec.Struct, frozen=True):
    """A line in a box of 100 by 100, and its style: empty, or the number of the line that it is compared with."""

    name: str
    path: str
    style: str


class LineChart(msgspec.Struct, frozen=True):
    """A chart of lines, ready to be drawn by the macro `line_chart`; `bars` are the areas that tell their values."""

    curves: list[Line]
    bars: list[Bar]
    lines: list[GridLine]
    ticks: list[Tick]
    top: int = TOP
    plot_height: int = PLOT_HEIGHT


def line_chart(series: Sequence[Series], texts: Sequence[tuple[float, str]], ticks: Sequence[Tick]) -> LineChart:
    """Return the chart of some series over one axis; `texts` tell the values at places, in the order of the axis.

    The places of ticks are those of the axis too.
    """
    places = [*(place for each in series for place, _ in each.points), *(tick.x for tick in ticks)]
    first, length = min(places, default=0), (max(places, default=0) - min(places, default=0)) or 1
    highest_value = max((value for each in series for _, value in each.points), default=0)
    step = _grid_step(highest_value)
    highest = max(highest_value, step)
    lines = [
        GridLine(TOP + PLOT_HEIGHT * (1 - number * step / highest), number * step)
        for number in range(1, math.floor(highest / step) + 1)
    ]
    numbers = iter(range(1, len(series) + 1))
    curves = [
        Line(each.name, _curve(each.points, first, length, highest), str(next(numbers)) if each.is_compared else "")
        for each in series
    ]
    axis = [Tick(round(100 * (tick.x - first) / length, 2), tick.name) for tick in ticks]
    return LineChart(curves, _areas(texts, first, length), lines, axis)


def _curve(points: Sequence[tuple[float, float]], first: float, length: float, highest: float) -> str:
    corners = [f"{100 * (x - first) / length:.2f} {100 - 100 * max(y, 0) / highest:.2f}" for x, y in points]
    return f"M{'L'.join(corners)}" if corners else ""


def _areas(texts: Sequence[tuple[float, str]], first: float, length: float) -> list[Bar]:
    """Return an area around each place, up to the middle between it and the next."""
    centres = [100 * (place - first) / length for place, _ in texts]
    edges = [0.0, *((centre + following) / 2 for centre, following in pairwise(centres)), 100.0]
    return [
        Bar(round(start, 2), round(end - start, 2), "", text)
        for (start, end), (_, text) in zip(pairwise(edges), texts, strict=True)
    ]
