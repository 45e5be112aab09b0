"""How a size went over time, as a line that the server draws: a chart whose scale need not begin at zero, a spark."""

import math
from collections.abc import Sequence

import msgspec

from fanfare.kernel.pages.charts import MAX_TICKS, PLOT_HEIGHT, TOP, GridLine, Point, Tick

MAX_LINES = 4


class Hit(msgspec.Struct, frozen=True):
    """Where a point's text is shown, in per cent of the width."""

    x: float
    width: float
    text: str


class TrendChart(msgspec.Struct, frozen=True):
    """A chart of a line, ready to be drawn by the macro `trend_chart`; `path` in a box of 100 by 100.

    The scale begins near the lowest value, so that the changes of a large segment can be seen.
    """

    path: str
    hits: list[Hit]
    lines: list[GridLine]
    ticks: list[Tick]
    top: int = TOP
    plot_height: int = PLOT_HEIGHT


def trend_chart(points: Sequence[Point]) -> TrendChart:
    """Return the chart of a series that goes on from point to point."""
    values = [point.value for point in points] or [0]
    step = _step(max(values) - min(values))
    lowest = math.floor(min(values) / step) * step
    scale = max(math.ceil(max(values) / step) * step - lowest, step)
    slot = 100 / max(len(points), 1)
    places = [(number * slot + slot / 2, 100 - 100 * (each - lowest) / scale) for number, each in enumerate(values)]
    lines = [
        GridLine(TOP + PLOT_HEIGHT * (1 - number * step / scale), lowest + number * step)
        for number in range(1, round(scale / step) + 1)
    ]
    hits = [Hit(round(number * slot, 3), round(slot, 3), point.text) for number, point in enumerate(points)]
    every = math.ceil(len(points) / MAX_TICKS) or 1
    ticks = [Tick(round(number * slot, 3), points[number].name) for number in range(0, len(points), every)]
    return TrendChart(_path(places), hits, lines, ticks)


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if number else 'M'}{x:.2f} {y:.2f}" for number, (x, y) in enumerate(places))


def _step(difference: float) -> float:
    """Return the distance of the lines across the plot: 1, 2 or 5 with zeros, so that there are few."""
    size = 10.0 ** math.floor(math.log10(max(difference, MAX_LINES) / MAX_LINES))
    return next(factor * size for factor in (1, 2, 5, 10) if difference / (factor * size) <= MAX_LINES)


def spark_line(values: Sequence[float]) -> str:
    """Return the path of a line without scale, in a box of 100 by 20."""
    lowest, highest = min(values), max(values)
    scale = max(highest - lowest, 1)
    last = max(len(values) - 1, 1)
    return _path([(100 * number / last, 19 - 18 * (each - lowest) / scale) for number, each in enumerate(values)])
