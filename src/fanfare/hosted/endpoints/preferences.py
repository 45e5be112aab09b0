"""The links of hosted pages over HTTP."""

from fanfare.hosted.actions import preferences as actions
from fanfare.hosted.schemas.preferences import FanLinks, PreferenceLinks
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/fans/{fan_id}/preference_links", scope="manage", key=SECRET)
async def manage_fans_preference_links(db: Db, account: Account, query: FanLinks) -> PreferenceLinks:
    """Get links for messages to a fan: to the fan's preferences, and to unsubscribe with one click (RFC 8058)."""
    return await actions.links_for(db, account.id, query)
