"""Deletes sessions that are over, with the guests who left nothing behind."""

from datetime import datetime

from fanfare.fans.actions.journal import shapes
from fanfare.fans.topics import FAN_DELETED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.sessions.schemas.connect import GUEST

SESSIONS_AT_ONCE = 500
# Tables that say of a fan only that the fan is there.
NO_TRACES = frozenset({"fans", "changes", "sessions"})
OVER = """
    select session_id, fan_id, login_method from sessions
    where account_id = $1 and expires_at <= $2
    order by expires_at, session_id limit $3
"""
LOCK = "select from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for update"
# Whatever the fan or the account sets of a fan changes `updated_at`.
FORGET = f"""
    with {HOLD},
    deleted as (
        delete from fans f
        where f.account_id = $1 and f.fan_id = any($3::bigint[]) and f.updated_at = f.created_at
          and f.email is null and f.phone is null
          and not exists (
              select from sessions s where s.account_id = $1 and s.fan_id = f.fan_id and s.expires_at > $2)
          and not ({{traces}})
        returning f.fan_id
    ),
    announced as (
        {announce(FAN_DELETED, "deleted", at="$2")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def forget_sessions(db: Db, account_id: int, now: datetime) -> None:
    """Delete sessions that are over, and guests of theirs who have no other and to whom nothing else refers."""
    while await _forget_some(db, account_id, now) == SESSIONS_AT_ONCE:
        pass


async def _forget_some(db: Db, account_id: int, now: datetime) -> int:
    async with db.transaction() as tx:
        rows = await tx.rows(OVER, account_id, now, SESSIONS_AT_ONCE)
        if guest_ids := sorted({row["fan_id"] for row in rows if row["login_method"] == GUEST}):
            await _forget_guests(tx, account_id, guest_ids, now)
        session_ids = [row["session_id"] for row in rows]
        await tx.execute("delete from sessions where account_id = $1 and session_id = any($2)", account_id, session_ids)
        return len(rows)


async def _forget_guests(db: Db, account_id: int, fan_ids: list[int], now: datetime) -> None:
    # Locked first: whoever records something of a fan holds the row, and the next statement sees it.
    await db.execute(LOCK, account_id, fan_ids)
    traces = " or ".join(
        f"exists (select from {shape.table} t where t.account_id = $1 and t.{column} = f.fan_id)"
        for shape in await shapes(db)
        if shape.table not in NO_TRACES
        for column in shape.fan_columns
    )
    await db.value(FORGET.format(traces=traces), account_id, now, fan_ids)
