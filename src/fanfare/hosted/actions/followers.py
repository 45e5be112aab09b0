"""What hosted pages store of a fan: requests for erasure, which go along with a merge and end with any erasure."""

from datetime import datetime

from fanfare.hosted.topics import ERASURE_REQUEST_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db

TABLES = ("erasure_requests",)

# One request that waits is enough: the other fan's, with the earlier of each time. Merges are written before rows move.
MOVE = f"""
    with {HOLD},
    moment as (
        select merged_at from fan_merges
        where account_id = $1 and absorbed_id = $2 and fan_id = $3 and undone_at is null
    ),
    double as (
        select o.erasure_request_id as old_id, r.erasure_request_id, least(o.due_at, r.due_at) as due_at,
               least(o.erase_at, r.erase_at) as erase_at
        from erasure_requests o join erasure_requests r
            on r.account_id = $1 and r.fan_id = $3 and r.request_state = 'waiting'
        where o.account_id = $1 and o.fan_id = $2 and o.request_state = 'waiting'
    ),
    combined as (
        update erasure_requests r set due_at = d.due_at, erase_at = d.erase_at
        from double d where r.account_id = $1 and r.erasure_request_id = d.erasure_request_id
    ),
    moved as (
        update erasure_requests r
        set fan_id = $3,
            request_state = case when d.old_id is null then r.request_state else 'withdrawn' end,
            decided_at = case when d.old_id is null then r.decided_at else (select merged_at from moment) end
        from erasure_requests o left join double d on d.old_id = o.erasure_request_id
        where o.account_id = $1 and o.fan_id = $2
          and r.account_id = $1 and r.erasure_request_id = o.erasure_request_id
        returning r.erasure_request_id, r.fan_id, d.old_id is not null as is_double
    )
    {
    announce(
        ERASURE_REQUEST_UPDATED,
        "moved cross join moment where is_double",
        at="merged_at",
        is_done="false",
        is_refused="false",
    )
}
"""  # noqa: S608 - fixed parts


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the requests of one fan to another; of two that wait one stays, due when the first was."""
    await db.execute(MOVE, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete what a request says about the person; the row stays as a proof."""
    await db.execute(
        "update erasure_requests set request_language = '' where account_id = $1 and fan_id = $2", account_id, fan_id
    )


CLOSE = f"""
    with {HOLD},
    closed as (
        update erasure_requests set request_state = 'done', decided_at = $4, erasure_id = $3
        where account_id = $1 and fan_id = $2 and request_state = 'waiting'
        returning erasure_request_id, fan_id
    )
    {announce(ERASURE_REQUEST_UPDATED, "closed", at="$4", is_done="true", is_refused="false")}
"""  # noqa: S608 - fixed parts


async def note_erasure(db: Db, account_id: int, fan_id: int, erasure_id: int, now: datetime) -> None:
    """Close the request of a fan who was erased, by whatever means, with the certificate."""
    await db.execute(CLOSE, account_id, fan_id, erasure_id, now)
