"""Completes the addresses of existing fans after place tables were loaded or replaced."""

from datetime import datetime

from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.places.completion import place_of

# Fans per transaction.
CHUNK = 5000

# The metro area always follows the place tables; of the other columns only empty ones are filled.
COMPLETED = f"""
    with {HOLD},
    candidates as materialized (
        select f.fan_id, place.*,
               array_remove(array[
                   case when place_metro_area is distinct from f.metro_area then 'metro_area' end,
                   case when f.latitude is null then 'latitude' end, case when f.longitude is null then 'longitude' end,
                   case when f.city is null and place_city is not null then 'city' end,
                   case when f.province is null and place_province is not null then 'province' end], null) as fields
        from fans f {place_of("f")}
        where f.account_id = $1 and f.fan_id > $2 and f.fan_id <= $3 and f.country_code is not null
          and f.postal_code is not null and place_latitude is not null
    ),
    updated as (
        update fans f
        set metro_area = w.place_metro_area, latitude = coalesce(f.latitude, w.place_latitude),
            longitude = coalesce(f.longitude, w.place_longitude), city = coalesce(f.city, w.place_city),
            province = coalesce(f.province, w.place_province), position = nextval('positions'),
            updated_at = greatest($4, f.updated_at + interval '1 millisecond')
        from hold cross join candidates w
        where f.account_id = $1 and f.fan_id = w.fan_id and w.fields <> '{{}}'
        returning f.fan_id, f.position, f.updated_at, w.fields
    ),
    announced as (
        {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="fields")}
    )
    select count(*) from updated
"""  # noqa: S608 - fixed parts


async def complete_addresses(db: Db, account_id: int, now: datetime) -> int:
    """Complete the addresses of an account's fans and return the number of fans changed. Idempotent.

    Each transaction handles a few thousand fans and announces their changes. A fan whose address changes meanwhile is
    completed by that change.
    """
    completed, last_fan_id = 0, -1
    last = await db.value("select max(fan_id) from fans where account_id = $1", account_id)
    while last is not None and last_fan_id < last:
        chunk_end = await db.value(
            "select fan_id from fans where account_id = $1 and fan_id > $2 order by fan_id offset $3 limit 1",
            account_id,
            last_fan_id,
            CHUNK - 1,
        )
        completed += await db.value(COMPLETED, account_id, last_fan_id, last if chunk_end is None else chunk_end, now)
        last_fan_id = last if chunk_end is None else chunk_end
    return completed
