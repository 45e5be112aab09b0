"""Reads campaigns and their configuration."""

from typing import Any

from fanfare.campaigns.queries.items import public_items
from fanfare.campaigns.schemas.campaigns import (
    Campaign,
    CampaignChoice,
    CampaignDetails,
    CrmCampaign,
    OneCampaignDetailed,
)
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.errors import Unknown

# The fields of Campaign, which are public; the winner, for example, is not.
CAMPAIGN = """
    c.page_tab_id, c.title as name, c.app_type, floor(extract(epoch from c.created_at))::bigint as creation_timestamp,
    c.live_status, c.business_id, c.is_scheduled, c.is_active, c.media_map, c.time_zone as timezone, c.props,
    c.locale_props, c.style_props, c.links_map
"""
CAMPAIGNS = bounded(
    f"""
    select {CAMPAIGN}
    from campaigns c
    where c.account_id = $1 and ($2::text is null or fold_text(c.app_type) = fold_text($2))
      and ($3::boolean is null or c.is_scheduled = $3) and ($4::bigint is null or c.business_id = $4)
    order by c.page_tab_id
    """  # noqa: S608 - fixed parts
)


async def crm_campaigns(db: Db, account_id: int, text: str | None) -> list[CrmCampaign]:
    """Return the campaigns whose title contains the text, the oldest first."""
    rows = await db.rows(
        """
        select account_id, title, page_tab_id, stream_key, app_type, is_active,
               floor(extract(epoch from created_at))::bigint as creation_timestamp, winner_fan_id
        from campaigns
        where account_id = $1 and ($2::text is null or strpos(fold_text(title), fold_text($2)) > 0)
        order by page_tab_id
        """,
        account_id,
        text,
    )
    return [CrmCampaign(**row) for row in rows]


async def campaigns(db: Db, account_id: int, query: CampaignChoice) -> list[Campaign]:
    """Return the campaigns that match, the oldest first; refuses (413) a list that is too long."""
    rows = await db.rows(CAMPAIGNS, account_id, query.app_type, query.is_scheduled, query.business_id)
    return [Campaign(**row) for row in list_rows(rows)]


async def campaign(db: Db, account: Account, target: OneCampaignDetailed) -> CampaignDetails:
    """Return one campaign with the members of its bundle and, on request, its items; Unknown (404)."""
    row = await db.row(
        f"""
        select {CAMPAIGN}, c.stream_key, floor(extract(epoch from c.starts_at))::bigint as start_timestamp,
               floor(extract(epoch from c.ends_at))::bigint as end_timestamp,
               array(select member_page_tab_id from campaign_members m
                     where m.account_id = c.account_id and m.page_tab_id = c.page_tab_id order by m.place
               ) as page_tab_ids
        from campaigns c
        where c.account_id = $1 and c.page_tab_id = $2
        """,  # noqa: S608 - fixed parts
        account.id,
        target.page_tab_id,
    )
    if row is None:
        raise Unknown(campaign=target.page_tab_id)
    items = await public_items(db, account, target.page_tab_id) if target.include_details else None
    return CampaignDetails(**row, items=items)


async def campaign_props(db: Db, account_id: int, page_tab_id: int) -> dict[str, Any]:
    """Return the props of one campaign; Unknown (404) if it does not exist."""
    props: dict[str, Any] | None = await db.value(
        "select props from campaigns where account_id = $1 and page_tab_id = $2", account_id, page_tab_id
    )
    if props is None:
        raise Unknown(campaign=page_tab_id)
    return props
