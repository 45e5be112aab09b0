"""Creates, updates and deletes the items of campaigns, and places wagers on them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from fanfare.campaigns.queries.checks import NO_FAN, check_fan_ids, has_fan
from fanfare.campaigns.schemas.items import ItemChanges, NewItem, NewWager, OneItem, WagerSaved
from fanfare.campaigns.topics import CAMPAIGN_UPDATED, WAGER_PLACED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown, faults_of

COLUMNS = Columns(
    ItemChanges,
    key=("page_tab_id", "tab_item_id"),
    names={"position": "place", "active_date": "active_on", "activation_timestamp": "activated_at"},
    empty={"media_map": {}, "props": {}},
)


class ItemSoldOut(Conflict):
    """Not enough of the item is left"""


class ItemTaken(Conflict):
    """More of the item is taken than that, or wagers are placed on it"""


async def _check_tag(db: Db, account_id: int, tag_id: int | None) -> None:
    exists = "select true from tags where account_id = $1 and tag_id = $2"
    if tag_id is not None and not await db.value(exists, account_id, tag_id):
        raise _no_tag()


def _no_item(target: ItemChanges | OneItem | NewWager) -> Unknown:
    return Unknown(f"No item of campaign {target.page_tab_id} has the id {target.tab_item_id}")


def _no_tag() -> BadParameters:
    return BadParameters([("tag_id", "is not a tag of this account")])


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of an item's tag_id, as (name, message)."""
    return await faults_of(_check_tag(db, account.id, values.get("tag_id")))


async def wager_references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a wager's fan_id, as (name, message)."""
    return await faults_of(check_fan_ids(db, account.id, fan_id=values.get("fan_id")))


# A change of an item is announced as one of its campaign.
ITEM_DATA = {"fields": "jsonb_build_array('items')", "tab_item_id": "tab_item_id"}
CREATE_ITEM = f"""
    with {HOLD},
    saved as (
        insert into campaign_items (account_id, page_tab_id, created_at, updated_at, {COLUMNS})
        select $1, $2, $4, $4, {COLUMNS}
        from jsonb_populate_record(null::campaign_items, $3)
        returning account_id, page_tab_id, tab_item_id
    ),
    announced as (
        {announce(CAMPAIGN_UPDATED, "saved", at="$4", **ITEM_DATA)}
    )
    select tab_item_id from saved
"""  # noqa: S608 - fixed parts


async def create_item(db: Db, account_id: int, new: NewItem, now: datetime) -> int:
    """Add an item to a campaign and return its tab_item_id; Unknown (404) campaign, BadParameters (422) tag_id."""
    await _check_tag(db, account_id, new.tag_id)
    values = {name: getattr(new, name) for name in NewItem.__struct_fields__}
    try:
        tab_item_id: int = await db.value(
            CREATE_ITEM,
            account_id,
            new.page_tab_id,
            COLUMNS.record(values),
            now,
        )
    except asyncpg.ForeignKeyViolationError as missing:
        raise (
            _no_tag() if "tag_id" in (missing.constraint_name or "") else Unknown(campaign=new.page_tab_id)
        ) from None
    return tab_item_id


async def change_item(db: Db, account_id: int, changes: ItemChanges, now: datetime) -> int:
    """Update the fields sent of an item and return its tab_item_id."""
    values = COLUMNS.sent_fields(changes)
    await _check_tag(db, account_id, values.get("tag_id"))
    try:
        record = COLUMNS.record(values)
        updated = await db.value(CHANGE, account_id, changes.page_tab_id, changes.tab_item_id, record, now)
    except asyncpg.CheckViolationError:
        raise ItemTaken from None
    except asyncpg.ForeignKeyViolationError:
        raise _no_tag() from None
    if updated is None:
        raise _no_item(changes)
    return changes.tab_item_id


CHANGE = f"""
    with {HOLD},
    saved as (
        update campaign_items i
        set {COLUMNS.assignments("i", "$4")},
            updated_at = $5
        where i.account_id = $1 and i.page_tab_id = $2 and i.tab_item_id = $3
        returning i.account_id, i.page_tab_id, i.tab_item_id
    ),
    announced as (
        {announce(CAMPAIGN_UPDATED, "saved", at="$5", **ITEM_DATA)}
    )
    select tab_item_id from saved
"""  # noqa: S608 - fixed parts


async def delete_item(db: Db, account_id: int, target: OneItem, now: datetime) -> None:
    """Delete an item; Unknown (404), or ItemTaken (409) if wagers are placed on it."""
    deleted = await db.value(DELETE, account_id, target.page_tab_id, target.tab_item_id, now)
    if deleted is None:
        exists = "select true from campaign_items where account_id = $1 and page_tab_id = $2 and tab_item_id = $3"
        if await db.value(exists, account_id, target.page_tab_id, target.tab_item_id):
            raise ItemTaken
        raise _no_item(target)


DELETE = f"""
    with {HOLD},
    saved as (
        delete from campaign_items
        where account_id = $1 and page_tab_id = $2 and tab_item_id = $3 and items_purchased = 0
        returning account_id, page_tab_id, tab_item_id
    ),
    announced as (
        {announce(CAMPAIGN_UPDATED, "saved", at="$4", **ITEM_DATA)}
    )
    select tab_item_id from saved
"""  # noqa: S608 - fixed parts


async def place_wager(db: Db, account_id: int, new: NewWager, now: datetime) -> WagerSaved:
    """Place a wager and count it in the item; ItemSoldOut (409) if fewer are left than requested."""
    wager_id = await db.value(
        PLACE,
        account_id,
        new.page_tab_id,
        new.tab_item_id,
        new.fan_id,
        new.item_count,
        new.point_count,
        new.props or {},
        now,
    )
    if wager_id is None:
        exists = "select true from campaign_items where account_id = $1 and page_tab_id = $2 and tab_item_id = $3"
        if not await db.value(exists, account_id, new.page_tab_id, new.tab_item_id):
            raise _no_item(new)
        if not await has_fan(db, account_id, new.fan_id):
            raise BadParameters([("fan_id", NO_FAN)])
        raise ItemSoldOut
    return WagerSaved(wager_id, new.tab_item_id, new.fan_id)


# The update locks the item's row, so that concurrent wagers cannot exceed its stock.
PLACE = f"""
    with {HOLD},
    fan as materialized (
        select fan_id from fans where account_id = $1 and fan_id = $4 for key share
    ),
    item as (
        update campaign_items
        set items_purchased = items_purchased + $5
        where account_id = $1 and page_tab_id = $2 and tab_item_id = $3
          and items_purchased::bigint + $5 <= coalesce(item_count, 2147483647)
          and exists (select from fan)
        returning account_id, page_tab_id, tab_item_id
    ),
    wager as (
        insert into wagers (account_id, wager_id, page_tab_id, tab_item_id, fan_id, item_count, point_count, props,
                            created_at)
        select item.account_id, nextval('positions'), item.page_tab_id, item.tab_item_id, $4, $5, $6, $7, $8
        from hold cross join item
        returning account_id, wager_id, page_tab_id, tab_item_id, fan_id
    ),
    announced as (
        {announce(WAGER_PLACED, "wager", position="wager_id", at="$8")}
    )
    select wager_id from wager
"""  # noqa: S608 - fixed parts
