"""Reads the items of campaigns and the wagers on them."""

import msgspec

from fanfare.campaigns.queries.known import check_campaign
from fanfare.campaigns.schemas.items import PublicItem, Wager, WagerChoice, WagerEntry
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db

# The columns in the order of the fields of PublicItem; $3 is the account's time zone.
ITEM = """
    i.tab_item_id, i.page_tab_id, (i.created_at at time zone $3)::date, i.title, i.subtitle, i.description,
    i.tag_id, t.tag_name, i.place, i.active_on, i.props, i.item_count - i.items_purchased, i.item_count,
    i.item_group_name, floor(extract(epoch from i.activated_at))::bigint, i.price, i.media_uid, i.items_purchased,
    i.latitude, i.longitude, i.media_map, floor(extract(epoch from i.created_at))::bigint
"""


async def public_items(db: Db, account: Account, page_tab_id: int) -> list[PublicItem]:
    """Return the items of a campaign in their order."""
    rows = await db.rows(
        f"""
        select {ITEM}
        from campaign_items i
        left join tags t on t.account_id = i.account_id and t.tag_id = i.tag_id
        where i.account_id = $1 and i.page_tab_id = $2
        order by i.place, i.tab_item_id
        """,  # noqa: S608 - fixed parts
        account.id,
        page_tab_id,
        account.time_zone,
    )
    return [PublicItem(*row) for row in rows]


async def items(db: Db, account: Account, page_tab_id: int) -> list[PublicItem]:
    """Return the items of a campaign in their order, or refuse an unknown campaign."""
    found = await public_items(db, account, page_tab_id)
    if not found:
        await check_campaign(db, account.id, page_tab_id)
    return found


async def wager_entries(db: Db, account: Account, wanted: WagerChoice) -> list[WagerEntry]:
    """Return the items of a wager campaign with the wagers placed on them, or refuse an unknown campaign."""
    rows = await db.rows(
        f"""
        select {ITEM},
               (select coalesce(jsonb_agg(jsonb_build_object(
                           'wager_id', w.wager_id, 'fan_id', w.fan_id, 'item_count', w.item_count,
                           'point_count', w.point_count, 'props', w.props,
                           'creation_timestamp', floor(extract(epoch from w.created_at))::bigint)
                           order by w.wager_id), '[]')
                from wagers w
                where w.account_id = i.account_id and w.page_tab_id = i.page_tab_id and w.tab_item_id = i.tab_item_id)
        from campaign_items i
        left join tags t on t.account_id = i.account_id and t.tag_id = i.tag_id
        where i.account_id = $1 and i.page_tab_id = $2
          and ($6::text is null
              or strpos(fold_text(concat_ws(' ', i.title, i.subtitle, i.description)), fold_text($6)) > 0)
          and coalesce(i.active_on, (i.created_at at time zone $3)::date)
              between coalesce($4::date, '-infinity') and coalesce($5::date, 'infinity')
        order by i.place, i.tab_item_id
        """,  # noqa: S608 - fixed parts
        account.id,
        wanted.page_tab_id,
        account.time_zone,
        wanted.start_date,
        wanted.end_date,
        wanted.q,
    )
    if not rows:
        await check_campaign(db, account.id, wanted.page_tab_id)
    return [WagerEntry(*(*row[:-1], msgspec.convert(row[-1], list[Wager]))) for row in rows]
