"""Registers URLs to which the login page may lead back, and removes them."""

from datetime import datetime

from fanfare.campaigns.queries.checks import check_business
from fanfare.hosted.schemas.redirect_urls import NewRedirectUrl
from fanfare.hosted.topics import REDIRECT_URL_CREATED, REDIRECT_URL_DELETED
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Unknown

MAX_URLS = 1000


class TooManyRedirectUrls(Conflict):
    """The account has 1,000 redirect URLs; remove those that are no longer used"""


ADD = f"""
    with {HOLD},
    created as (
        insert into redirect_urls (account_id, redirect_url_id, business_id, redirect_url, created_at)
        select $1, nextval('positions'), $2, $3, $4 from hold
        where (select count(*) from redirect_urls where account_id = $1) < $5
        on conflict (account_id, redirect_url, coalesce(business_id, 0)) do nothing
        returning redirect_url_id
    ),
    announced as (
        {announce(REDIRECT_URL_CREATED, "created", position="redirect_url_id", at="$4")}
    )
    select redirect_url_id from created
"""  # noqa: S608 - fixed parts
PRESENT = """
    select redirect_url_id from redirect_urls
    where account_id = $1 and redirect_url = $2 and business_id is not distinct from $3
"""
DELETE = announced_deletion(
    REDIRECT_URL_DELETED,
    "delete from redirect_urls where account_id = $1 and redirect_url_id = $2",
    returning="redirect_url_id",
)


async def add_redirect_url(db: Db, account_id: int, new: NewRedirectUrl, now: datetime) -> int:
    """Register a URL and return its id; one that is registered stays as it is. Refuses (422) an unknown business."""
    await check_business(db, account_id, new.business_id)
    url_id: int | None = await db.value(ADD, account_id, new.business_id, new.redirect_url, now, MAX_URLS)
    if url_id is None:
        url_id = await db.value(PRESENT, account_id, new.redirect_url, new.business_id)
    if url_id is None:
        raise TooManyRedirectUrls
    return url_id


async def remove_redirect_url(db: Db, account_id: int, redirect_url_id: int, now: datetime) -> None:
    """Remove a URL, to which the login page no longer leads from now on; refuses (404) an unknown one."""
    if await db.value(DELETE, account_id, redirect_url_id, now) is None:
        raise Unknown(redirect_url=redirect_url_id)
