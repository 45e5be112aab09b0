"""Custom fields of the fans of an import: the empty ones of many fans are filled by one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db

FILL = f"""
    with {HOLD},
    entries as materialized (
        select fan_id, crm_field_key, field_value::jsonb as field_value
        from unnest($2::bigint[], $3::text[], $4::text[]) as e (fan_id, crm_field_key, field_value)
    ),
    locked as materialized (
        select f.fan_id
        from hold cross join (select distinct fan_id from entries order by fan_id) as d
        cross join lateral (
            select fan_id from fans where account_id = $1 and fan_id = d.fan_id for no key update) f
    ),
    saved as (
        insert into fan_fields (account_id, fan_id, crm_field_key, field_value, updated_at)
        select $1, fan_id, crm_field_key, field_value, $5 from locked join entries using (fan_id)
        on conflict (account_id, fan_id, crm_field_key) do nothing
        returning fan_id, crm_field_key
    ),
    changed as (
        select fan_id, array_agg(crm_field_key order by crm_field_key) as fields from saved group by fan_id
    ),
    updated as (
        update fans f
        set position = nextval('positions'), updated_at = greatest($5, f.updated_at + interval '1 millisecond')
        from changed
        where f.account_id = $1 and f.fan_id = changed.fan_id
        returning f.fan_id, f.position, f.updated_at, changed.fields
    ),
    announced as (
        {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="fields")}
    )
    select position from updated
"""  # noqa: S608 - fixed parts


async def fill_values(
    db: Db, account_id: int, values: Sequence[tuple[int, Mapping[str, Any]]], now: datetime
) -> list[int]:
    """Set the custom fields that fans do not have yet, and return the positions of these changes.

    `values` are a fan_id and what `read_values` returns; the first value counts where a fan comes twice. Part of the
    caller's transaction.
    """
    entries: dict[tuple[int, str], str] = {}
    for fan_id, fields in values:
        for key, value in fields.items():
            if value is not None and (fan_id, key) not in entries:
                entries[fan_id, key] = msgspec.json.encode(value).decode()
    if not entries:
        return []
    fan_ids, keys = [fan_id for fan_id, _ in entries], [key for _, key in entries]
    rows = await db.rows(FILL, account_id, fan_ids, keys, list(entries.values()), now)
    return [row["position"] for row in rows]
