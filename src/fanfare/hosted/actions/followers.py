"""What hosted pages store of a fan: requests for erasure, which go along with a merge and end with any erasure."""

from fanfare.kernel.data.db import Db

TABLES = ("erasure_requests",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the requests of one fan to another; one that waits is enough."""
    await db.execute(
        """
        update erasure_requests r set fan_id = $3,
            request_state = case when request_state = 'waiting' and exists (
                select from erasure_requests o
                where o.account_id = $1 and o.fan_id = $3 and o.request_state = 'waiting'
            ) then 'withdrawn' else request_state end
        where r.account_id = $1 and r.fan_id = $2
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Close the request of a fan who is erased by other means; the row stays as a proof, without the person."""
    await db.execute(
        """
        update erasure_requests
        set request_state = case when request_state = 'waiting' then 'done' else request_state end,
            request_language = ''
        where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )
