"""Statistics of the fans who meet criteria, computed in one pass over them."""

from datetime import timedelta
from typing import TypeVar

import msgspec

from fanfare.kernel.data.db import Db, Record
from fanfare.places.completion import area_of, census, positions
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.person import years_before
from fanfare.search.criteria.where import Where
from fanfare.search.queries.conditions import compose
from fanfare.search.schemas.stats import (
    AgeCount,
    CountryCount,
    FanDemographics,
    FanMetrics,
    FilterStats,
    GenderCount,
    LocationCount,
    MetroAreaCount,
    PostalDemographic,
    SegmentStatus,
)

S = TypeVar("S", bound=msgspec.Struct)

REACHABLE = """
    count(*) as fan_count, count(f.email) as email_count, count(f.phone) as phone_count,
    count(*) filter (where f.phone is not null and f.is_phone_subscribed and not f.is_optout) as phone_subscribe_count,
    count(*) filter (where f.email is not null and f.is_subscribed and not f.is_optout) as email_subscribe_count,
    floor(extract(epoch from max(f.updated_at)))::bigint as last_update_timestamp
"""
# The lowest age of each age group but the first, which starts at 0.
AGES = (18, 25, 35, 45, 55, 65)
MAX_PLACES, MAX_AREAS = 20, 100
RECENT_DAYS = 30

# Values of grouping(gender, born, country_code, metro_area, city): a bit is 0 where the column is part of the group.
TOTAL, GENDER, BORN, COUNTRY, METRO_AREA, LOCATION = 0b11111, 0b01111, 0b10111, 0b11011, 0b11101, 0b11010

# A row for each value of each grouping set, which `kind` identifies; of places only the largest.
GROUPED = f"""
    with matched as materialized (
        select f.email, f.phone, f.is_subscribed, f.is_phone_subscribed, f.is_optout, f.updated_at, f.rating, f.gender,
               f.country_code, f.metro_area, f.city, f.province, f.latitude, f.longitude,
               width_bucket(f.birth_date, {{born}}::date[]) as born, a.last_active_at, a.activity_count
        from fans f left join fan_activity a on a.account_id = $1 and a.fan_id = f.fan_id
        where f.account_id = $1 and {{condition}}
    ),
    grouped as (
        select grouping(f.gender, f.born, f.country_code, f.metro_area, f.city) as kind,
               f.gender, f.born, f.country_code, f.metro_area, f.city, f.province, {REACHABLE},
               avg(f.latitude) as latitude, avg(f.longitude) as longitude, count(f.last_active_at) as active_fan_count,
               count(*) filter (where f.last_active_at >= {{recent}}::timestamptz) as recently_active_fan_count,
               coalesce(sum(f.activity_count), 0)::bigint as activity_count,
               round(avg(f.rating), 2)::float8 as average_rating,
               count(*) filter (where f.is_optout) as optout_count
        from matched f
        group by grouping sets ((), (f.gender), (f.born), (f.country_code), (f.metro_area),
                                (f.city, f.province, f.country_code))
    ),
    ranked as (
        select g.*, row_number() over (
            partition by g.kind
            order by g.fan_count desc, g.city, g.metro_area, g.country_code, g.province) as place
        from grouped g
        where case g.kind when {COUNTRY} then g.country_code is not null
                          when {METRO_AREA} then g.metro_area is not null
                          when {LOCATION} then g.city is not null else true end
    )
    select r.* from ranked r where r.place <= {MAX_PLACES} order by r.kind, r.place
"""  # noqa: S608 - constants; `where` puts in the condition


# The postal areas with the most fans.
AREAS = f"""
    select f.country_code, {area_of("f")} as postal_code, count(*) as fan_count
    from fans f
    where f.account_id = $1 and f.country_code is not null and f.postal_code is not null and {{condition}}
    group by 1, 2 order by 3 desc, 1, 2 limit {{limit}}
"""  # noqa: S608 - constants


async def criteria_stats(db: Db, account_id: int, criteria: Criteria, context: Context) -> FilterStats:
    """Return the statistics of the fans who meet criteria."""
    condition = await compose(account_id, criteria, context)
    born = [years_before(context.today, age) + timedelta(days=1) for age in reversed(AGES)]
    recent = context.start_of(context.today - timedelta(days=RECENT_DAYS))
    args, (born_mark, recent_mark) = condition.with_arguments(born, recent)
    sql = condition.statement(GROUPED, born=born_mark, recent=recent_mark)
    by_kind: dict[int, list[Record]] = {}
    for row in await db.rows(sql, *args):
        by_kind.setdefault(row["kind"], []).append(row)
    return FilterStats(
        fans=_part(SegmentStatus, by_kind[TOTAL][0]),
        fan_demographics=FanDemographics(
            [_part(GenderCount, row) for row in by_kind.get(GENDER, ())],
            sorted((_age(row) for row in by_kind.get(BORN, ())), key=lambda each: each.youngest_age or -1),
        ),
        top_countries=[_part(CountryCount, row) for row in by_kind.get(COUNTRY, ())],
        top_metro_areas=[_part(MetroAreaCount, row) for row in by_kind.get(METRO_AREA, ())],
        top_locations=[_part(LocationCount, row) for row in by_kind.get(LOCATION, ())],
        fan_metrics=_part(FanMetrics, by_kind[TOTAL][0]),
        postal_demographics=await _areas(db, condition),
    )


async def _areas(db: Db, condition: Where) -> list[PostalDemographic]:
    args, (limit_mark,) = condition.with_arguments(MAX_AREAS)
    rows = await db.rows(condition.statement(AREAS, limit=limit_mark), *args)
    areas = [(row["country_code"], row["postal_code"], row["fan_count"]) for row in rows]
    return await with_census(db, [PostalDemographic(*area, None) for area in areas])


async def with_census(db: Db, areas: list[PostalDemographic]) -> list[PostalDemographic]:
    """Return postal areas with the figures of the census, and where they are."""
    keys = [(each.country_code, each.postal_code) for each in areas]
    if not keys:
        return []
    statistics, places = await census(db, keys), await positions(db, keys)
    return [
        PostalDemographic(*key, each.fan_count, statistics.get(key), *places.get(key, (None, None)))
        for key, each in zip(keys, areas, strict=True)
    ]


def _part(struct: type[S], row: Record) -> S:
    return struct(**{name: row[name] for name in struct.__struct_fields__})


def _age(row: Record) -> AgeCount:
    if row["born"] is None:
        return AgeCount(None, None, row["fan_count"])
    # The first bucket has the oldest fans.
    bounds = [0, *AGES, None]
    place = len(AGES) - row["born"]
    following = bounds[place + 1]
    return AgeCount(bounds[place], None if following is None else following - 1, row["fan_count"])
