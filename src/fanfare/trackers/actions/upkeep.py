"""Deletes what a deleted tracker leaves, in parts."""

from fanfare.kernel.data.db import Db

CHUNK = 5000
PARTS = (
    """
    delete from tracker_shares
    where account_id = $1 and (event_id, click_id) in (
        select event_id, click_id from tracker_shares where account_id = $1 and tracker_id = $2
        order by event_id, click_id limit $3)
    """,
    """
    update tracker_events set tracker_id = null, is_clicked = false
    where account_id = $1 and event_id in (
        select event_id from tracker_events where account_id = $1 and tracker_id = $2
        order by event_id limit $3 for update)
    """,
    """
    delete from tracker_clicks
    where account_id = $1 and click_id in (
        select click_id from tracker_clicks where account_id = $1 and tracker_id = $2 order by click_id limit $3)
    """,
)


async def delete_clicks(db: Db, account_id: int, tracker_id: int) -> None:
    """Delete the clicks of a tracker and the shares of sales that they were credited with; the sales stay."""
    for statement in PARTS:
        while int((await db.execute(statement, account_id, tracker_id, CHUNK)).rpartition(" ")[2]) == CHUNK:
            pass
