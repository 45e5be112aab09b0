"""Maps: places are where they are, dots by size, names apart, land around them."""

import re

from fanfare.kernel.pages.maps import HEIGHT, WIDTH, Place, mercator, place_map

VANCOUVER = Place("Vancouver", 49.2827, -123.1207, 900, "Vancouver: 900")
SURREY = Place("Surrey", 49.1913, -122.8490, 90, "Surrey: 90")
SYDNEY = Place("Sydney", -33.87, 151.21, 9, "Sydney: 9")


def test_places_are_where_they_are() -> None:
    chart = place_map([VANCOUVER, SURREY])
    assert chart
    first, second = chart.dots
    assert (first.text, second.text) == ("Vancouver: 900", "Surrey: 90")
    assert first.radius > second.radius
    # Surrey is south-east of Vancouver; both are inside.
    assert 0 < first.x < second.x < 100
    assert 0 < first.y < second.y < 100
    # As long as it is wide, by Mercator.
    ratio = (second.y - first.y) * HEIGHT / ((second.x - first.x) * WIDTH)
    expected = (mercator(VANCOUVER.latitude) - mercator(SURREY.latitude)) / (SURREY.longitude - VANCOUVER.longitude)
    assert abs(ratio - expected) < 0.02


def test_what_is_far_away_is_told_unless_it_is_asked_for() -> None:
    near = place_map([VANCOUVER, SURREY, SYDNEY])
    everywhere = place_map([VANCOUVER, SURREY, SYDNEY], is_whole=True)
    assert near
    assert everywhere
    assert (near.outside, len(near.dots)) == (9, 2)
    assert (everywhere.outside, len(everywhere.dots)) == (0, 3)


def test_there_is_land_and_it_stays_near_the_box() -> None:
    chart = place_map([VANCOUVER, SURREY])
    assert chart
    numbers = [int(each) for each in re.findall(r"M(-?\d+)", chart.land)]
    assert numbers
    assert all(-100 <= each <= WIDTH + 100 for each in numbers)
    assert len(chart.land) < 60_000
    world = place_map([VANCOUVER, SYDNEY], is_whole=True)
    assert world
    assert len(world.land) < 150_000
    assert world.borders


def test_names_do_not_cover_each_other() -> None:
    chart = place_map([VANCOUVER, SYDNEY], [VANCOUVER, SURREY, SYDNEY], is_whole=True)
    assert chart
    assert [name.text for name in chart.names] == ["Vancouver", "Sydney"]
    assert chart.names[1].is_before


def test_nothing_is_no_map() -> None:
    assert place_map([]) is None
