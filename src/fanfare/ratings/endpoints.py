"""HTTP endpoint of ratings."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.ratings import queries
from fanfare.ratings.schemas import RatedFan, RatingParts


@endpoint.get("/api/v1/manage/fans/{fan_id}/rating", scope="manage", key=SECRET)
async def manage_fans_rating(db: Db, account: Account, params: RatedFan, now: datetime) -> RatingParts:
    """Explain a fan's rating: its points for activity, connections and purchases, as of today."""
    return await queries.rating_parts(db, account, params.fan_id, now)
