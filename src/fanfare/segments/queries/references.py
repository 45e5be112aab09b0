"""The references of filters: to each other, with cycles and dependents, and to other records."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Reference
from fanfare.search.criteria import Criteria, uses
from fanfare.search.criteria.uses import reference_forms
from fanfare.segments.schemas.figures import Referrer

FORMS = reference_forms(Criteria)


async def links(db: Db, account_id: int) -> dict[str, Counter[str]]:
    """Return by filter uid the uids of the filters that it refers to, with the number of criteria that name each.

    Filters without references, or with unreadable criteria, are left out.
    """
    rows = await db.rows(
        """
        select f.filter_uid, named.segments
        from filters f
        cross join unnest($2::text[]) as place (path)
        cross join lateral jsonb_path_query(f.criteria, place.path::jsonpath) as named (segments)
        where f.account_id = $1
        """,
        account_id,
        [uses.json_path(name) for name in FORMS["filter"]],
    )
    result: dict[str, Counter[str]] = {}
    for row in rows:
        result.setdefault(str(row["filter_uid"]), Counter()).update(_uids(row["segments"]))
    return result


def _uids(raw: object) -> set[str]:
    names = [each for each in raw if isinstance(each, str)] if isinstance(raw, list) else []
    return {each.removeprefix("filter:") for each in names if each.startswith("filter:")}


async def referring_names(db: Db, account_id: int, items: Sequence[Reference]) -> list[str]:
    """Return the names of the filters whose criteria name one of some records."""
    return [each.filter_name for each in await referring_filters(db, account_id, items)]


async def referring_filters(db: Db, account_id: int, items: Sequence[Reference]) -> list[Referrer]:
    """Return the filters whose criteria name one of some records, by name."""
    places = [(name, form.format(each.key)) for each in items for name, form in FORMS[each.kind].items()]
    rows = await db.rows(
        """
        select f.filter_uid, f.filter_name from filters f
        where f.account_id = $1 and exists (
            select from unnest($2::text[], $3::text[]) as place (path, value)
            cross join lateral jsonb_path_query(f.criteria, place.path::jsonpath) as named (names)
            cross join lateral jsonb_array_elements_text(
                case jsonb_typeof(named.names)
                    when 'array' then named.names
                    when 'string' then jsonb_build_array(named.names)
                    else '[]' end) as reference (value)
            where fold_text(reference.value) = fold_text(place.value))
        order by fold_text(f.filter_name)
        """,
        account_id,
        [uses.json_path(name) for name, _ in places],
        [value for _, value in places],
    )
    return [Referrer(**row) for row in rows]


async def excluding_filter(db: Db, account_id: int, filter_uids: Iterable[str]) -> str | None:
    """Return the name of a filter that excludes one of some filters, or None."""
    name: str | None = await db.value(
        """
        select f.filter_name from filters f
        where f.account_id = $1
          and exists (
              select from unnest($3::text[]) as place (path)
              cross join lateral jsonb_path_query(f.criteria, place.path::jsonpath) as named (segments)
              where named.segments ?| $2::text[])
        order by fold_text(f.filter_name) limit 1
        """,
        account_id,
        [f"filter:{uid}" for uid in filter_uids],
        uses.excluding_paths(Criteria),
    )
    return name


def cycle_from(links: Mapping[str, Iterable[str]], start: str) -> list[str] | None:
    """Return a path of references from a filter back to itself, or None."""
    paths = [[start]]
    visited: set[str] = set()
    while paths:
        path = paths.pop()
        for following in sorted(links.get(path[-1], ())):
            if following == start:
                return [*path, start]
            if following not in visited:
                visited.add(following)
                paths.append([*path, following])
    return None


def dependents(links: Mapping[str, Iterable[str]], start: str) -> set[str]:
    """Return the filters that refer to a filter, directly or through others."""
    result: set[str] = set()
    frontier = {start}
    while frontier:
        frontier = {each for each, targets in links.items() if not frontier.isdisjoint(targets)} - result
        result |= frontier
    return result
