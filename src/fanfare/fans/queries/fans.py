"""Reads fans: one, several, and the feed of changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from fanfare.fans.schemas.fans import Fan, FanRecord, LatestFan, LatestMeta, LatestWindow
from fanfare.fans.topics import FAN_CREATED, FAN_UNMERGED, FAN_UPDATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import names
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import SECONDS, read_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import day_bounds, iso, unix

LATEST_ROWS = 1000
# Tolerance for clock differences between servers, when a paging key is no longer in the change log.
SLACK = timedelta(minutes=5)
# Topics whose rows in the change log have the position of the fan's row.
POSITION_TOPICS = list(names([FAN_CREATED, FAN_UPDATED, FAN_UNMERGED]))

# The name of a fan in SQL, for an alias of `fans`.
NAME = "nullif(coalesce({0}.first_name || ' ' || {0}.last_name, {0}.first_name, {0}.last_name), '')"
# The fields of a FanRecord in their order, for the alias f of `fans` in a statement whose $1 is the account; `fields`
# are made of `field_values` by `fill_fields`.
RECORD = f"""
    f.fan_id, f.account_id, {NAME.format("f")} as name,
    f.first_name, f.last_name, f.email, f.province, f.latitude, f.longitude,
    {SECONDS.format("f.created_at")} as creation_timestamp, f.ip_address, f.country_code, f.city,
    f.is_subscribed, f.is_phone_subscribed, f.rating::float8 as rating, f.phone, f.birth_date::text as birth_date,
    f.metro_area, f.postal_code, null as fields, {{field_values}} as field_values, f.gender, {{tags}} as tags
"""
# What is looked up for one fan; a search collects it for a page.
LOOKUPS = {
    "field_values": """(select jsonb_object_agg(v.crm_field_key, v.field_value) from fan_fields v
     where v.account_id = $1 and v.fan_id = f.fan_id)""",
    "tags": """array(select t.tag_name from fan_tags g
          join tags t on t.account_id = $1 and t.tag_id = g.tag_id
          where g.account_id = $1 and g.fan_id = f.fan_id order by fold_text(t.tag_name))""",
}
# The record of one fan: what a fan sees of itself.
PROFILE = RECORD.format(**LOOKUPS)
# The fields of a Fan in their order, of `f` and the `recent` activity.
COLUMNS = f"""{PROFILE},
    f.add_phone, f.display_name, f.image_url, f.is_optout, f.is_confirmed, f.is_phone_confirmed, f.fan_source,
    array(select b.business_id from fan_businesses b
          where b.account_id = $1 and b.fan_id = f.fan_id and b.is_opted_in
          order by b.business_id) as opted_in_business_ids,
    recent.page_tab_id as last_page_tab_id, recent.title as last_campaign_name
"""  # noqa: S608 - fixed parts
RECENT = """
    left join lateral (
        select a.page_tab_id, c.title from activities a
        join campaigns c on c.account_id = $1 and c.page_tab_id = a.page_tab_id
        where a.account_id = $1 and a.fan_id = f.fan_id
        order by a.created_at desc, a.activity_id desc
        limit 1) recent on true
"""
ONE = f"select {COLUMNS} from fans f {RECENT} where f.account_id = $1 and f.fan_id = $2"  # noqa: S608 - fixed parts
BY_IDS = f"select {COLUMNS} from fans f {RECENT} where f.account_id = $1 and f.fan_id = any($2::bigint[])"  # noqa: S608 - fixed parts
# `_latest` fills the nulls, and writes the two times as texts.
LATEST = f"""
    select {COLUMNS},
           null as fan_time_key, null as last_update_timestamp, f.created_at as creation_timestamp_iso,
           f.updated_at as last_update_timestamp_iso,
           array(select m.absorbed_id from fan_merges m
                 where m.account_id = $1 and m.fan_id = f.fan_id and m.undone_at is null
                 order by m.absorbed_id) as merged_fan_ids
    from fans f {RECENT}
    where f.account_id = $1 and f.position > $2 and f.position <= $3 and ($4::timestamptz is null or f.updated_at >= $4)
    order by f.position
    limit $5
"""  # noqa: S608 - fixed parts


def as_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a custom value as the text after `key=`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(as_text(each) for each in value)
    return str(value)


def field_texts(values: Mapping[str, Any]) -> list[str]:
    """Return custom values as `key=value`, by key."""
    return [f"{key}={as_text(value)}" for key, value in sorted(values.items())]


def fill_fields(fans: Iterable[FanRecord]) -> None:
    """Fill what is made of custom values, in records of rows of RECORD."""
    for fan in fans:
        values: dict[str, Any] | None = fan.field_values
        fan.fields = field_texts(values) if values else []
        if values is None:
            fan.field_values = {}


async def fan(db: Db, account_id: int, fan_id: int) -> Fan:
    """Return one fan; Unknown (404) if it does not exist."""
    row = await db.row(ONE, account_id, fan_id)
    if row is None:
        raise Unknown(fan=fan_id)
    (result,) = _fans([row])
    return result


async def fans_by_ids(db: Db, account_id: int, fan_ids: Sequence[int]) -> list[Fan]:
    """Return the existing fans with these ids, ordered by id."""
    return _fans(await db.rows(f"{BY_IDS} order by f.fan_id", account_id, list(fan_ids)))


def _fans(rows: Sequence[Record]) -> list[Fan]:
    result = read_rows(Fan, rows)
    fill_fields(result)
    return result


async def check_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Raise Unknown (404) if the fan does not exist."""
    if not await db.value("select true from fans where account_id = $1 and fan_id = $2", account_id, fan_id):
        raise Unknown(fan=fan_id)


async def latest(db: Db, account: Account, query: LatestWindow) -> Page[LatestMeta, LatestFan]:
    """Return a page of fans ordered by their latest change, up to the settled position, so that none is skipped."""
    bound = await settled(db, account.id)
    position = await _position(db, account.id, query.min_time_key) if query.min_time_key else 0
    start = day_bounds(query.last_update_date, account.time_zone)[0] if query.last_update_date else None
    rows = await db.rows(LATEST, account.id, position, bound, start, LATEST_ROWS + 1)
    page = _latest(rows[:LATEST_ROWS])
    keys = (page[0].fan_time_key, page[-1].fan_time_key) if page else (query.min_time_key, query.min_time_key)
    return Page(LatestMeta(*keys, len(page), has_more=len(rows) > LATEST_ROWS), page)


def _latest(rows: Sequence[Record]) -> list[LatestFan]:
    result = read_rows(LatestFan, rows)
    fill_fields(result)
    for fan in result:
        # Times as the statement returns them.
        created, updated = cast("datetime", fan.creation_timestamp_iso), cast("datetime", fan.last_update_timestamp_iso)
        fan.fan_time_key = f"{unix(updated)}_{updated.microsecond // 1000:03d}_{fan.fan_id}"
        fan.last_update_timestamp = unix(updated)
        fan.creation_timestamp_iso = iso(created)
        fan.last_update_timestamp_iso = iso(updated)
    return result


async def _position(db: Db, account_id: int, time_key: str) -> int:
    """Return the position of a paging key.

    It is that of the fan's only change in that millisecond, found in the change log; when the log no longer has it, a
    position safely before it, so that some fans are returned twice but none is missed.
    """
    seconds, milliseconds, fan_id = (int(part) for part in time_key.split("_"))
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=milliseconds)
    position: int | None = await db.value(
        """
        select coalesce(
            (select max(c.position) from changes c
             where c.account_id = $1 and c.fan_id = $2 and c.occurred_at >= $3
               and c.occurred_at < $3 + interval '1 millisecond'
               and c.topic = any($5::text[])),
            (select f.position from fans f
             where f.account_id = $1 and f.fan_id = $2 and f.updated_at >= $3
               and f.updated_at < $3 + interval '1 millisecond'),
            (select min(f.position) - 1 from fans f where f.account_id = $1 and f.updated_at >= $3 - $4::interval))
        """,
        account_id,
        fan_id,
        moment,
        SLACK,
        POSITION_TOPICS,
    )
    if position is not None:
        return position
    newest: int = await db.value("select coalesce(max(f.position), 0) from fans f where f.account_id = $1", account_id)
    return newest
