"""Maps as SVG that the server draws: places as dots by size on the outline of the land, without a tile of anybody.

Outlines and borders are those of Natural Earth (public domain) at 1:50,000,000, to a hundredth of a degree: lines of
whole numbers, each of which is the difference to the one before. Islands of a few kilometres are left out. Dots and
names are placed in per cent, so that they keep their size at every width; the land is drawn in a box of its own.
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

import msgspec

# The box in which the land is drawn, and the ratio of its sides.
WIDTH, HEIGHT = 1600, 900
# How far the land goes beyond the box, so that its edge is not seen.
MARGIN = 60
# Points nearer to each other are one.
FINEST = 4
# Beyond these latitudes Mercator's maps have no end.
NORTH, SOUTH = 78.0, -58.0
SCALE = 100
# The free rim of the box, and the fewest degrees of longitude that it shows.
PADDING, NARROWEST = 0.12, 4.0
SMALLEST, LARGEST = 2.5, 22.0
# The share of what is counted that the box of a map shows at least.
BOX_SHARE = 0.7
# How far names must be from each other, in per cent of the box.
NAME_WIDTH, NAME_HEIGHT, MAX_NAMES = 14.0, 6.5, 7
# Half of the box: names on the right half stand before their place.
MIDDLE = 62.0


class Place(msgspec.Struct, frozen=True):
    """Something at a place: its size, and the text that tells it."""

    name: str
    latitude: float
    longitude: float
    value: int
    text: str


class Dot(msgspec.Struct, frozen=True):
    """A place on the map; x and y in per cent, the radius in pixels."""

    x: float
    y: float
    radius: float
    text: str


class Name(msgspec.Struct, frozen=True):
    """A name on the map; `is_before`: it ends at its place."""

    x: float
    y: float
    text: str
    is_before: bool


class Map(msgspec.Struct, frozen=True):
    """A map, ready to be drawn by the macro `place_map`; `outside` is what lies beyond its edges."""

    land: str
    borders: str
    dots: list[Dot]
    names: list[Name]
    outside: int
    width: int = WIDTH
    height: int = HEIGHT


class Outlines(msgspec.Struct):
    """The lines of the file: of land, which are closed, and of borders."""

    land: list[list[int]]
    borders: list[list[int]]


Point = tuple[float, float]
# West, north, east, south, in degrees of longitude and in Mercator's.
Box = tuple[float, float, float, float]


class Line(msgspec.Struct, frozen=True):
    """A line with the box around it."""

    points: list[Point]
    box: Box


def place_map(places: Sequence[Place], names: Sequence[Place] = (), *, is_whole: bool = False) -> Map | None:
    """Return the map of some places with `names`, None without any: where most of them are, or `is_whole` all."""
    if not places:
        return None
    box = _box(places if is_whole else _centre_places(places))
    land, borders = _drawn(box)
    highest, total = max(place.value for place in places), sum(place.value for place in places)
    inside = [place for place in places if _is_inside(_place(place, box))]
    dots = [
        Dot(*_place(place, box), _radius(place.value / highest, highest / total), place.text)
        for place in sorted(inside, key=lambda each: -each.value)
    ]
    outside = total - sum(place.value for place in inside)
    return Map(land, borders, dots, list(_names(names, box)), outside)


def _radius(share: float, highest_share: float) -> float:
    """Return the radius of a dot, whose area grows with what is counted; where all are small, so are the dots."""
    largest = max(LARGEST * min(2 * math.sqrt(highest_share), 1), 3 * SMALLEST)
    return round(SMALLEST + (largest - SMALLEST) * math.sqrt(share), 1)


def _centre_places(places: Sequence[Place]) -> list[Place]:
    """Return the places around the largest one, which together have most of what is counted."""
    centre = max(places, key=lambda place: place.value)
    width = math.cos(math.radians(centre.latitude))
    limit, total = BOX_SHARE * sum(place.value for place in places), 0
    result = []

    def distance(place: Place) -> float:
        return math.hypot((place.longitude - centre.longitude) * width, place.latitude - centre.latitude)

    for place in sorted(places, key=distance):
        result.append(place)
        total += place.value
        if total >= limit:
            break
    return result


def _box(places: Sequence[Place]) -> Box:
    """Return the box around some places, rounded so that maps of the same places share their land."""
    longitudes = [place.longitude for place in places]
    heights = [mercator(place.latitude) for place in places]
    span = max(max(longitudes) - min(longitudes), (max(heights) - min(heights)) * WIDTH / HEIGHT, NARROWEST)
    span = min(round(span * (1 + 2 * PADDING), 1), 360.0)
    middle = (max(longitudes) + min(longitudes)) / 2, (max(heights) + min(heights)) / 2
    west, north = round(middle[0] - span / 2, 1), round(middle[1] + span * HEIGHT / WIDTH / 2, 1)
    return west, north, west + span, north - span * HEIGHT / WIDTH


def mercator(latitude: float) -> float:
    """Return how far from the equator a latitude is drawn, in degrees of longitude."""
    bounded = math.radians(min(max(latitude, SOUTH), NORTH))
    return math.degrees(math.log(math.tan(math.pi / 4 + bounded / 2)))


def _place(place: Place, box: Box) -> Point:
    west, north, east, south = box
    x = 100 * (place.longitude - west) / (east - west)
    return round(x, 2), round(100 * (north - mercator(place.latitude)) / (north - south), 2)


def _is_inside(point: Point) -> bool:
    return all(0 <= each <= 100 for each in point)  # noqa: PLR2004 - per cent


def _names(names: Iterable[Place], box: Box) -> Iterator[Name]:
    """Yield the names of the largest places that do not cover each other."""
    places: list[Point] = []
    for place in sorted(names, key=lambda each: -each.value):
        x, y = _place(place, box)
        is_free = all(abs(x - name_x) > NAME_WIDTH or abs(y - name_y) > NAME_HEIGHT for name_x, name_y in places)
        if is_free and _is_inside((x, y)) and len(places) < MAX_NAMES:
            places.append((x, y))
            yield Name(x, y, place.name, x > MIDDLE)


@cache
def _outlines() -> tuple[list[Line], list[Line]]:
    """Return the lines of land and borders in the map's degrees; read once, when the first map is drawn."""
    raw = gzip.decompress(files("fanfare.kernel.pages").joinpath("outlines.json.gz").read_bytes())
    outlines = msgspec.json.decode(raw, type=Outlines)
    return [_line(line) for line in outlines.land], [_line(line) for line in outlines.borders]


def _line(steps: Sequence[int]) -> Line:
    x = y = 0
    points = []
    for east, north in zip(steps[::2], steps[1::2], strict=True):
        x, y = x + east, y + north
        points.append((x / SCALE, mercator(y / SCALE)))
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Line(points, (min(xs), max(ys), max(xs), min(ys)))


@lru_cache(maxsize=64)
def _drawn(box: Box) -> tuple[str, str]:
    """Return the paths of the land and of the borders in a box."""
    land, borders = _outlines()
    rings = (_clipped(_scaled(line.points, box)) for line in land if _touches(line, box))
    lines = (_scaled(line.points, box) for line in borders if _touches(line, box))
    return "".join(_path(ring, "z") for ring in rings), "".join(_path(line, "") for line in lines)


def _touches(line: Line, box: Box) -> bool:
    (west, north, east, south), (line_west, line_north, line_east, line_south) = box, line.box
    return line_west < east and line_east > west and line_south < north and line_north > south


def _scaled(line: Iterable[Point], box: Box) -> list[Point]:
    west, north, east, _ = box
    scale = WIDTH / (east - west)
    return [((x - west) * scale, (north - y) * scale) for x, y in line]


def _clipped(ring: list[Point]) -> list[Point]:
    """Return the part of a ring near the box, an edge after the other (Sutherland and Hodgman)."""
    for axis, bound, sign in ((0, -MARGIN, 1), (0, WIDTH + MARGIN, -1), (1, -MARGIN, 1), (1, HEIGHT + MARGIN, -1)):
        ring = list(_edge_clipped(ring, axis, bound, sign))
    return ring


def _edge_clipped(ring: Sequence[Point], axis: int, bound: float, sign: int) -> Iterator[Point]:
    for former, point in pairwise([ring[-1], *ring] if ring else []):
        was_inside, is_inside = (former[axis] - bound) * sign >= 0, (point[axis] - bound) * sign >= 0
        if was_inside != is_inside:
            share = (bound - former[axis]) / (point[axis] - former[axis])
            yield former[0] + share * (point[0] - former[0]), former[1] + share * (point[1] - former[1])
        if is_inside:
            yield point


def _path(points: Iterable[Point], end: str) -> str:
    """Return the path through some points in whole numbers, without those that are next to each other."""
    steps: list[str] = []
    x = y = 0
    for place in points:
        new_x, new_y = round(place[0]), round(place[1])
        if not steps:
            steps.append(f"M{new_x} {new_y}l")
        elif abs(new_x - x) + abs(new_y - y) >= FINEST:
            steps.append(f"{new_x - x} {new_y - y} ")
        else:
            continue
        x, y = new_x, new_y
    return "".join(steps).rstrip() + end if len(steps) > 2 or (steps[1:] and not end) else ""  # noqa: PLR2004 - an area
