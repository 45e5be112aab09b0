"""What filters refer to: who refers to whom, and what a change would turn into a circle."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Thing
from fanfare.search.criteria import Criteria, uses
from fanfare.search.criteria.uses import names_of

FORMS = names_of(Criteria)


async def links(db: Db, account_id: int) -> dict[str, Counter[str]]:
    """Return which filters each filter refers to, for those that refer to any; what cannot be read refers to none."""
    rows = await db.rows(
        """
        select f.filter_uid, given.value as segments
        from filters f
        cross join lateral jsonb_each(case jsonb_typeof(f.criteria) when 'object' then f.criteria else '{}' end) given
        where f.account_id = $1 and given.key = any($2)
        """,
        account_id,
        list(FORMS["filter"]),
    )
    linked: dict[str, Counter[str]] = {}
    for row in rows:
        linked.setdefault(str(row["filter_uid"]), Counter()).update(_uids(row["segments"]))
    return linked


def _uids(raw: object) -> set[str]:
    names = [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []
    return {each.removeprefix("filter:") for each in names if each.startswith("filter:")}


async def referring_names(db: Db, account_id: int, items: Sequence[Thing]) -> list[str]:
    """Return the names of the filters whose criteria name one of some things."""
    places = [(name, form.format(each.key)) for each in items for name, form in FORMS[each.kind].items()]
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
        select f.filter_name from filters f
        where f.account_id = $1
          and exists (select from unnest($3::text[]) as each (name) where f.criteria -> each.name ?| $2::text[])
        order by fold_text(f.filter_name) limit 1
        """,
        account_id,
        [f"filter:{uid}" for uid in filter_uids],
        uses.excluding(Criteria),
    )
    return name


def circle(links: Mapping[str, Iterable[str]], start: str) -> list[str] | None:
    """Return the way from a filter back to itself, or None when there is none."""
    ways = [[start]]
    visited: set[str] = set()
    while ways:
        path = ways.pop()
        for following in sorted(links.get(path[-1], ())):
            if following == start:
                return [*path, start]
            if following not in visited:
                visited.add(following)
                ways.append([*path, following])
    return None


def dependents(links: Mapping[str, Iterable[str]], start: str) -> set[str]:
    """Return the filters that refer to one, by whatever way."""
    result: set[str] = set()
    frontier = {start}
    while frontier:
        frontier = {each for each, targets in links.items() if not frontier.isdisjoint(targets)} - result
        result |= frontier
    return result
