"""Deletes what a deleted tracker leaves, in parts."""

from fanfare.kernel.data.db import Db

CHUNK = 5000


async def delete_clicks(db: Db, account_id: int, tracker_id: int) -> None:
    """Delete the clicks of a tracker, and the shares of sales that they were credited with."""
    await db.execute("delete from tracker_shares where account_id = $1 and tracker_id = $2", account_id, tracker_id)
    while True:
        status = await db.execute(
            """
            delete from tracker_clicks
            where account_id = $1 and click_id in (
                select click_id from tracker_clicks where account_id = $1 and tracker_id = $2
                order by click_id limit $3)
            """,
            account_id,
            tracker_id,
            CHUNK,
        )
        if int(status.removeprefix("DELETE ")) < CHUNK:
            return
