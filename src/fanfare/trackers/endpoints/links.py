"""HTTP endpoints of links: clicks on them, QR codes, links for fans, and the rule of attribution."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.pictures import Png, Svg, qr_png, qr_svg
from fanfare.kernel.web.endpoint import endpoint
from fanfare.trackers.actions import settings as actions
from fanfare.trackers.actions.redirects import fan_url
from fanfare.trackers.queries import clicks
from fanfare.trackers.queries import settings as queries
from fanfare.trackers.schemas.clicks import ClickQuery, FanLink, FanLinkQuery, TrackerClick
from fanfare.trackers.schemas.sales import Attribution, AttributionSettings
from fanfare.trackers.schemas.trackers import OneTracker


@endpoint.get("/api/v1/manage/trackers/{tracker_id}/clicks", scope="manage", key=SECRET)
async def manage_tracker_clicks_list(db: Db, account: Account, query: ClickQuery) -> ArrayPage[TrackerClick]:
    """List the clicks of a tracker, the newest first, each with its verdict and the reason of it."""
    return await clicks.clicks(db, account.id, query)


@endpoint.get("/api/v1/manage/trackers/{tracker_id}/fan_link", scope="manage", key=SECRET)
async def manage_trackers_fan_link(db: Db, account: Account, query: FanLinkQuery) -> FanLink:
    """Return the link of a tracker for a message to one fan: a click on it is that fan's, whoever makes it."""
    return FanLink(await fan_url(db, account.id, query))


@endpoint.get("/api/v1/manage/trackers/{tracker_id}/qr.svg", scope="manage", key=SECRET)
async def manage_trackers_qr_svg(db: Db, account: Account, target: OneTracker) -> Svg:
    """Draw the QR code of a tracker's link as SVG."""
    return qr_svg(await clicks.tracker_url(db, account.id, target.tracker_id))


@endpoint.get("/api/v1/manage/trackers/{tracker_id}/qr.png", scope="manage", key=SECRET)
async def manage_trackers_qr_png(db: Db, account: Account, target: OneTracker) -> Png:
    """Draw the QR code of a tracker's link as PNG."""
    return qr_png(await clicks.tracker_url(db, account.id, target.tracker_id))


@endpoint.get("/api/v1/manage/tracker_settings", scope="manage", key=SECRET)
async def manage_tracker_settings_get(db: Db, account: Account) -> Attribution:
    """Return how sales are attributed."""
    return await queries.attribution(db, account.id)


@endpoint.post("/api/v1/manage/tracker_verdicts", scope="manage", key=SECRET)
async def manage_tracker_verdicts_renew(db: Db, account: Account, now: datetime) -> bool:
    """Judge all clicks again by the present rules and lists, as a job, and attribute sales by the new verdicts."""
    await actions.judge_all_again(db, account.id, now)
    return True


@endpoint.post("/api/v1/manage/tracker_settings", scope="manage", key=SECRET)
async def manage_tracker_settings_save(db: Db, account: Account, new: AttributionSettings, now: datetime) -> bool:
    """Choose how sales are attributed. A job attributes all sales by that rule, earlier ones too."""
    await actions.save_attribution(db, account.id, new.attribution, now)
    return True
