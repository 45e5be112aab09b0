"""Reads clicks, and links of trackers."""

from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.trackers.schemas.clicks import ClickQuery, TrackerClick

PAGE = """
    select click_id as position, click_id, tracker_id,
           floor(extract(epoch from clicked_at))::bigint as creation_timestamp, verdict, reason, fan_id, ip_address,
           user_agent, url_param_props
    from tracker_clicks
    where account_id = $1 and tracker_id = $2 and ($3::text is null or verdict = $3) and click_id > $4 and click_id < $5
    order by click_id {order}
    limit $6
"""


async def clicks(db: Db, account_id: int, query: ClickQuery) -> ArrayPage[TrackerClick]:
    """Return the clicks of a tracker, the newest first; Unknown (404) tracker."""
    await tracker_url(db, account_id, query.tracker_id)
    cursor = start(query.cursor, "desc")
    bounds = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        PAGE.format(order=cursor.order), account_id, query.tracker_id, query.verdict, *bounds, query.limit + 1
    )
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(TrackerClick), page.next_page)


async def tracker_url(db: Db, account_id: int, tracker_id: int) -> str:
    """Return the link of a tracker; Unknown (404)."""
    row = await db.row(
        "select host, tracker_key from trackers where account_id = $1 and tracker_id = $2", account_id, tracker_id
    )
    if row is None:
        raise Unknown(tracker=tracker_id)
    base = public_address.base
    if row["host"]:
        base = f"{base.partition('://')[0]}://{row['host']}"
    return f"{base}/trk/{row['tracker_key']}"


async def fan_link(db: Db, account_id: int, tracker_id: int, fan_id: int) -> str:
    """Return the link of a tracker as it is before the fan's parameter; Unknown (404) tracker or fan."""
    await check_fan(db, account_id, fan_id)
    return await tracker_url(db, account_id, tracker_id)
