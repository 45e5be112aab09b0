"""Reads redirect URLs."""

from fanfare.hosted.schemas.redirect_urls import RedirectUrl
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows


async def redirect_urls(db: Db, account_id: int) -> list[RedirectUrl]:
    """Return the redirect URLs of an account, the oldest first."""
    rows = await db.rows(
        """
        select redirect_url_id, account_id, business_id, redirect_url,
               floor(extract(epoch from created_at))::bigint as creation_timestamp
        from redirect_urls where account_id = $1 order by redirect_url_id
        """,
        account_id,
    )
    return read_rows(RedirectUrl, rows)


async def is_registered(db: Db, account_id: int, business_id: int | None, redirect_url: str) -> bool:
    """Return whether a login at a business (None in an account without) may lead to exactly this URL."""
    answer: bool = await db.value(
        """
        select exists (
            select from redirect_urls
            where account_id = $1 and redirect_url = $2 and (business_id is null or business_id = $3))
        """,
        account_id,
        redirect_url,
        business_id,
    )
    return answer
