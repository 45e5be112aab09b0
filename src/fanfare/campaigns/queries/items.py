"""Reads the items of campaigns and the wagers on them."""

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.campaigns.schemas.items import PublicItem, Wager, WagerChoice, WagerEntry
from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.data.paging import ArrayPage, part, start

# The fields of PublicItem; $3 is the account's time zone.
ITEM = """
    i.tab_item_id, i.page_tab_id, (i.created_at at time zone $3)::date as creation_date, i.title, i.subtitle,
    i.description, i.tag_id, t.tag_name, i.place as position, i.active_on as active_date, i.props,
    i.item_count - i.items_purchased as inventory_count, i.item_count, i.item_group_name,
    floor(extract(epoch from i.activated_at))::bigint as activation_timestamp, i.price, i.media_uid, i.items_purchased,
    i.latitude, i.longitude, i.media_map, floor(extract(epoch from i.created_at))::bigint as creation_timestamp
"""


ITEMS = bounded(
    f"""
    select {ITEM}
    from campaign_items i
    left join tags t on t.account_id = i.account_id and t.tag_id = i.tag_id
    where i.account_id = $1 and i.page_tab_id = $2
    order by i.place, i.tab_item_id
    """  # noqa: S608 - fixed parts
)


async def public_items(db: Db, account: Account, page_tab_id: int) -> list[PublicItem]:
    """Return the items of a campaign in their order; refuses (413) a list that is too long."""
    rows = await db.rows(ITEMS, account.id, page_tab_id, account.time_zone)
    return [PublicItem(**row) for row in list_rows(rows)]


async def items(db: Db, account: Account, page_tab_id: int) -> list[PublicItem]:
    """Return the items of a campaign in their order; Unknown (404) if the campaign does not exist."""
    data = await public_items(db, account, page_tab_id)
    if not data:
        await check_campaign(db, account.id, page_tab_id)
    return data


# Condition of items: in the campaign $2, with the text $6, and a day from $4 to $5.
CONDITION = """
    i.account_id = $1 and i.page_tab_id = $2
    and ($6::text is null
         or strpos(fold_text(concat_ws(' ', i.title, i.subtitle, i.description)), fold_text($6)) > 0)
    and coalesce(i.active_on, (i.created_at at time zone $3)::date)
        between coalesce($4::date, '-infinity') and coalesce($5::date, 'infinity')
"""
WAGERS = f"""
    select w.tab_item_id, w.wager_id, w.fan_id, w.item_count, w.point_count,
           floor(extract(epoch from w.created_at))::bigint as creation_timestamp, w.props
    from wagers w
    join campaign_items i on i.account_id = w.account_id and i.tab_item_id = w.tab_item_id
    where w.account_id = $1 and w.page_tab_id = $2 and w.wager_id > $7 and w.wager_id < $8 and {CONDITION}
    order by w.wager_id {{order}}
    limit $9
"""  # noqa: S608 - fixed parts
ENTRIES = bounded(f"""
    select {ITEM}
    from campaign_items i
    left join tags t on t.account_id = i.account_id and t.tag_id = i.tag_id
    where {CONDITION} and ($7::bigint[] is null or i.tab_item_id = any($7))
    order by i.place, i.tab_item_id
""")  # noqa: S608 - fixed parts


async def wager_entries(db: Db, account: Account, query: WagerChoice) -> ArrayPage[WagerEntry]:
    """Return a page of the wagers of a campaign, grouped by item; Unknown (404) campaign.

    The first page has all items, later ones only those with wagers on the page.
    """
    args = account.id, query.page_tab_id, account.time_zone, query.start_date, query.end_date, query.q
    cursor = start(query.cursor, "asc")
    span = cursor.span(await settled(db, account.id))
    rows = await db.rows(WAGERS.format(order=cursor.order), *args, *span, query.limit + 1)
    wagers: dict[int, list[Wager]] = {}
    for row in rows[: query.limit]:
        fields = dict(row)
        wagers.setdefault(fields.pop("tab_item_id"), []).append(Wager(**fields))
    item_rows = list_rows(await db.rows(ENTRIES, *args, list(wagers) if query.cursor else None))
    if not item_rows:
        await check_campaign(db, account.id, query.page_tab_id)
    entries = [WagerEntry(**row, wagers=wagers.get(row["tab_item_id"], [])) for row in item_rows]
    return ArrayPage(entries, part(rows, query.limit, cursor, "wager_id").next_page)
