"""What filters refer to: who refers to whom, what a change would turn into a circle, and how large it would grow."""

from collections.abc import Mapping

from fanfare.kernel.db import Db
from fanfare.segments.queries import filters

# How many filters one may consist of, itself and each mention counted: its condition holds all of theirs.
MOST_PARTS = 100
Links = Mapping[str, set[str]]


async def links(db: Db, account_id: int) -> dict[str, set[str]]:
    """Return the uids of the filters that each filter refers to, for those that refer to any."""
    rows = await db.rows(
        """
        select filter_uid, criteria from filters
        where account_id = $1 and (criteria ? 'fan_incl_segments' or criteria ? 'fan_excl_segments')
        """,
        account_id,
    )
    return {str(row["filter_uid"]): filters.filter_uids([filters.criteria_in(row["criteria"])]) for row in rows}


def circle(linked: Links, start: str) -> list[str] | None:
    """Return the way from a filter back to itself, or None when there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for following in sorted(linked.get(way[-1], ())):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return None


def parts(linked: Links, start: str, most: int = MOST_PARTS) -> int:
    """Return how many filters one consists of, and no more than one above the most. There must be no circle."""
    counted, left = 0, [start]
    while left and counted <= most:
        left.extend(linked.get(left.pop(), ()))
        counted += 1
    return counted


def dependents(linked: Links, start: str) -> set[str]:
    """Return the filters that refer to one, by whatever way."""
    found: set[str] = set()
    fresh = {start}
    while fresh:
        fresh = {each for each, named in linked.items() if named & fresh} - found
        found |= fresh
    return found
