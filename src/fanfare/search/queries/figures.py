"""Figures of some fans that their records have not: activity, seats, points."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.kernel.data.db import Db


class FanFigures(msgspec.Struct, frozen=True):
    """When a fan was last active and how often, the seats of their tickets, and the points of all categories."""

    last_active_at: datetime | None = None
    activity_count: int = 0
    seat_count: int = 0
    point_count: int = 0


async def fan_figures(db: Db, account_id: int, fan_ids: Sequence[int]) -> dict[int, FanFigures]:
    """Return the figures of some fans by their ids."""
    rows = await db.rows(
        """
        select f.fan_id, a.last_active_at, coalesce(a.activity_count, 0) as activity_count,
               coalesce((
                   select sum(t.num_seats) from tickets t
                   where t.account_id = $1 and t.fan_id = f.fan_id and not t.is_deleted), 0)::bigint as seat_count,
               coalesce((
                   select sum(s.total) from standings s
                   where s.account_id = $1 and s.fan_id = f.fan_id and s.board like 'point:%'), 0)::bigint
                   as point_count
        from unnest($2::bigint[]) as f (fan_id)
        left join fan_activity a on a.account_id = $1 and a.fan_id = f.fan_id
        """,
        account_id,
        fan_ids,
    )
    return {row["fan_id"]: FanFigures(**{name: row[name] for name in FanFigures.__struct_fields__}) for row in rows}
