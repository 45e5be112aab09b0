"""What filters refer to: who refers to whom, and what a change would turn into a circle."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Thing

# What criteria name, by the criteria that do and how it stands there. What a criterion names is compared folded.
NAMED_IN: dict[str, dict[str, str]] = {
    "filter": dict.fromkeys(("fan_incl_segments", "fan_excl_segments"), "filter:{}"),
    "snapshot": {
        **dict.fromkeys(("fan_incl_segments", "fan_excl_segments"), "snapshot:{}"),
        **dict.fromkeys(("fan_incl_snapshot_uids", "fan_excl_snapshot_uids"), "{}"),
    },
    "tag": dict.fromkeys(("fan_incl_segments", "fan_excl_segments"), "tag:{}"),
    "tag_name": {"fan_tags": "{}"},
    "idol_name": {"idol_names": "{}"},
    **{name: {name: "{}"} for name in ("ticket_event_name", "ticket_venue_name", "ticket_artist_name")},
}


async def links(db: Db, account_id: int) -> dict[str, Counter[str]]:
    """Return which filters each filter refers to, for those that refer to any; what cannot be read refers to none."""
    rows = await db.rows(
        """
        select filter_uid, criteria -> 'fan_incl_segments' as included, criteria -> 'fan_excl_segments' as excluded
        from filters
        where account_id = $1 and (criteria ? 'fan_incl_segments' or criteria ? 'fan_excl_segments')
        """,
        account_id,
    )
    return {str(row["filter_uid"]): Counter([*_uids(row["included"]), *_uids(row["excluded"])]) for row in rows}


def _uids(stored: object) -> set[str]:
    named = [each for each in stored if isinstance(each, str)] if isinstance(stored, list) else []
    return {each.removeprefix("filter:") for each in named if each.startswith("filter:")}


async def naming(db: Db, account_id: int, things: Sequence[Thing]) -> list[str]:
    """Return the names of the filters whose criteria name one of some things."""
    places = [(name, form.format(each.key)) for each in things for name, form in NAMED_IN[each.kind].items()]
    rows = await db.rows(
        """
        select f.filter_name from filters f
        where f.account_id = $1 and exists (
            select from unnest($2::text[], $3::text[]) as place (criterion, value)
            cross join lateral jsonb_array_elements_text(
                case jsonb_typeof(f.criteria -> place.criterion)
                    when 'array' then f.criteria -> place.criterion
                    when 'string' then jsonb_build_array(f.criteria -> place.criterion)
                    else '[]' end) as given (value)
            where fold_text(given.value) = fold_text(place.value))
        order by fold_text(f.filter_name)
        """,
        account_id,
        [name for name, _ in places],
        [value for _, value in places],
    )
    return [row["filter_name"] for row in rows]


async def excluding(db: Db, account_id: int, filter_uids: Iterable[str]) -> str | None:
    """Return the name of a filter that excludes one of some filters, if any does."""
    name: str | None = await db.value(
        """
        select filter_name from filters
        where account_id = $1 and criteria -> 'fan_excl_segments' ?| $2::text[]
        order by fold_text(filter_name) limit 1
        """,
        account_id,
        [f"filter:{uid}" for uid in filter_uids],
    )
    return name


def circle(linked: Mapping[str, Iterable[str]], start: str) -> list[str] | None:
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


def dependents(linked: Mapping[str, Iterable[str]], start: str) -> set[str]:
    """Return the filters that refer to one, by whatever way."""
    found: set[str] = set()
    fresh = {start}
    while fresh:
        fresh = {each for each, named in linked.items() if not fresh.isdisjoint(named)} - found
        found |= fresh
    return found
