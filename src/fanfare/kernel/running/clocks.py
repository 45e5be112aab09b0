"""Check that PostgreSQL and this program have the same rules of time zones: SQL and Python both ask what day it is."""

from datetime import datetime, timedelta

import asyncpg

from fanfare.kernel.wire.zones import zone_names, zone_of

# The rules of the next year are compared at the start of each of its months.
MONTHS = 12
DIFFERENT = """
    select distinct z.name from unnest($1::text[], $2::timestamptz[], $3::interval[]) as z (name, moment, ahead)
    where z.moment at time zone z.name <> z.moment at time zone 'UTC' + z.ahead
    order by z.name
"""
UPDATE = "update the older of both (PostgreSQL, or its system's tzdata)"


async def check_zones(connection: asyncpg.Connection, now: datetime) -> str | None:
    """Return a warning that names the time zones of accounts which PostgreSQL does not have, or by other rules."""
    names = {row["time_zone"] for row in await connection.fetch("select distinct time_zone from accounts")}
    moments = [now + timedelta(days=30) * month for month in range(MONTHS)]
    zones = [
        (name, moment, moment.astimezone(zone_of(name)).utcoffset())
        for name in names & zone_names()
        for moment in moments
    ]
    columns = [list(column) for column in zip(*zones, strict=True)] or [[], [], []]
    try:
        rows = await connection.fetch(DIFFERENT, *columns)
    except asyncpg.InvalidParameterValueError as error:
        return f"{error}: {UPDATE}"
    different = sorted({row["name"] for row in rows} | names - zone_names())
    if not different:
        return None
    return (
        f"PostgreSQL has other rules for {', '.join(different)} than this version of Fanfare, so the days of figures"
        f" and of limits may differ by an hour: {UPDATE}"
    )
