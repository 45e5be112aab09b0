"""Deletes the clicks of deleted trackers."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job
from fanfare.trackers.actions import upkeep


@job()
async def delete_clicks(db: Db, tracker_id: int) -> None:
    """Delete the clicks of a tracker that was deleted, and the shares of sales that they were credited with."""
    if db.account_id is not None:
        await upkeep.delete_clicks(db, db.account_id, tracker_id)
