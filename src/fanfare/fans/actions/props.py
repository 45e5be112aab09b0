"""Free values of a fan, which sites keep under names of their own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import announce
from fanfare.kernel.data.db import Db

WRITE = f"""
    with updated as (
        update fans f
        set props = $3, position = nextval('positions'),
            updated_at = greatest($4, f.updated_at + interval '1 millisecond')
        where f.account_id = $1 and f.fan_id = $2 and f.props <> $3
        returning f.fan_id, f.position, f.updated_at
    )
    {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="array['props']")}
"""  # noqa: S608 - fixed parts


async def read_props(db: Db, account_id: int, fan_id: int) -> dict[str, Any]:
    """Return the free values of a fan; in a transaction that holds the fan's row they stay."""
    props = await db.value("select props from fans where account_id = $1 and fan_id = $2", account_id, fan_id)
    return dict(props or {})


async def write_props(db: Db, account_id: int, fan_id: int, props: Mapping[str, Any], now: datetime) -> None:
    """Write the free values of a fan; part of the caller's transaction, which holds a position and the fan's row."""
    await db.execute(WRITE, account_id, fan_id, dict(props), now)
