"""Shares reports by links, and ends these."""

import secrets
from datetime import datetime, timedelta

from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.wire import unix
from fanfare.reports.queries.links import link_hash
from fanfare.reports.queries.reports import report
from fanfare.reports.schemas.links import LinkCreated, NewLink
from fanfare.reports.topics import REPORT_LINK_CREATED, REPORT_LINK_DELETED

# The page is in `hosted`.
PATH = "/crm/reports"
MAX_LINKS = 100
SECRET_BYTES = 24


class TooManyLinks(Conflict):
    """The report has 100 links; end those that are no longer needed"""


# Links that have ended by themselves make room.
CREATE = f"""
    with {HOLD},
    ended as (
        delete from report_links where account_id = $1 and report_uid = $2 and expires_at <= $4
    ),
    inserted as (
        insert into report_links (account_id, report_link_id, report_uid, link_hash, created_at, expires_at)
        select $1, nextval('positions'), r.report_uid, $3, $4, $5
        from hold cross join reports r
        where r.account_id = $1 and r.report_uid = $2
          and (select count(*) from report_links
               where account_id = $1 and report_uid = $2 and expires_at > $4) < $6
        returning report_link_id, report_uid
    ),
    announced as (
        {announce(REPORT_LINK_CREATED, "inserted", position="report_link_id", at="$4")}
    )
    select report_link_id from inserted
"""  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    REPORT_LINK_DELETED,
    "delete from report_links where account_id = $1 and report_link_id = $2",
    returning="report_link_id, report_uid",
)


async def create_link(db: Db, account_id: int, new: NewLink, now: datetime) -> LinkCreated:
    """Create a link to a report; Unknown (404), TooManyLinks (409)."""
    link = f"{account_id}.{secrets.token_urlsafe(SECRET_BYTES)}"
    expires_at = now + timedelta(days=new.days)
    link_id: int | None = await db.value(
        CREATE, account_id, new.report_uid, link_hash(link), now, expires_at, MAX_LINKS
    )
    if link_id is None:
        await report(db, account_id, new.report_uid)
        raise TooManyLinks
    return LinkCreated(link_id, f"{public_address.base}{PATH}?link={link}", unix(expires_at))


async def end_link(db: Db, account_id: int, report_link_id: int, now: datetime) -> None:
    """End a link, which shows nothing from now on; Unknown (404)."""
    if await db.value(DELETE, account_id, report_link_id, now) is None:
        raise Unknown(report_link=report_link_id)
