"""Hides fans from public calls."""

from datetime import datetime

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown


async def set_visibility(db: Db, account_id: int, fan_id: int, now: datetime, *, is_hidden: bool) -> None:
    """Hide a fan from public calls, or show the fan again; Unknown (404) if the fan does not exist."""
    exists = await db.value(HIDE if is_hidden else SHOW, account_id, fan_id, now)
    if exists is None:
        raise Unknown(fan=fan_id)


HIDE = """
    with fan as materialized (
        select fan_id from fans where account_id = $1 and fan_id = $2 for key share
    ),
    insert_hidden as (
        insert into hidden_fans (account_id, fan_id, created_at) select $1, fan_id, $3::timestamptz from fan
        on conflict (account_id, fan_id) do nothing
    )
    select fan_id from fan
"""
SHOW = """
    with delete_hidden as (
        delete from hidden_fans where account_id = $1 and fan_id = $2
    )
    select fan_id from fans where account_id = $1 and fan_id = $2 and $3::timestamptz is not null
"""
