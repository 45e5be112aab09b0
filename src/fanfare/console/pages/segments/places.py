"""Where the fans of a segment live, as a map."""

from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.maps import Map, Place, place_map
from fanfare.search.schemas.stats import FilterStats


def map_of(language: Language, stats: FilterStats, *, is_whole: bool = False) -> Map | None:
    """Return the map of the postal areas, or of the cities where these are not known; None if nothing is."""
    cities = [
        Place(each.city, each.latitude, each.longitude, each.fan_count, _text(language, each.city, each.fan_count))
        for each in stats.top_locations
        if each.latitude is not None and each.longitude is not None
    ]
    areas = [
        Place(each.postal_code, each.latitude, each.longitude, each.fan_count, _text(language, name, each.fan_count))
        for each in stats.postal_demographics
        if each.latitude is not None and each.longitude is not None
        for name in (f"{each.postal_code} {each.country_code}",)
    ]
    # Areas are the finer drawing, where they hold as many fans as the cities do.
    is_fine = sum(each.value for each in areas) * 2 > sum(each.value for each in cities)
    return place_map(areas if is_fine else cities, cities, is_whole=is_whole)


def _text(language: Language, name: str, count: int) -> str:
    return f"{name}: {language.number(count)}"
