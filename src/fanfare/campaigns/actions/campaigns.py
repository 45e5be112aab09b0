"""Creates, updates and closes campaigns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from fanfare.campaigns.queries.checks import (
    NO_FAN,
    check_business,
    check_fan_ids,
    check_members,
    has_fan,
    no_business,
    no_members,
)
from fanfare.campaigns.schemas.campaigns import CampaignChanges, CampaignClosing, NewCampaign
from fanfare.campaigns.topics import CAMPAIGN_CLOSED, CAMPAIGN_CREATED, CAMPAIGN_UPDATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown, faults_of

COLUMNS = Columns(
    CampaignChanges,
    key=("page_tab_id",),
    other_tables=("page_tab_ids",),
    names={"start_timestamp": "starts_at", "end_timestamp": "ends_at", "timezone": "time_zone"},
    empty={name: {} for name in ("media_map", "props", "locale_props", "style_props", "links_map")},
)


class CampaignTitleTaken(Conflict):
    """Another custom campaign of the account has this title"""


class CampaignClosed(Conflict):
    """The campaign is closed, with another winner"""


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a campaign's business_id and page_tab_ids, as (name, message)."""
    return await faults_of(
        check_business(db, account.id, values.get("business_id")),
        check_members(db, account.id, values.get("page_tab_ids") or ()),
    )


async def closing_references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of winner_fan_id, as (name, message)."""
    return await faults_of(check_fan_ids(db, account.id, winner_fan_id=values.get("winner_fan_id")))


async def create_campaign(db: Db, account_id: int, new: NewCampaign, now: datetime) -> int:
    """Create a campaign and return its page_tab_id."""
    values = {name: getattr(new, name) for name in NewCampaign.__struct_fields__ if name != "page_tab_ids"}
    async with db.transaction() as tx:
        try:
            page_tab_id: int = await tx.value(CREATE, account_id, COLUMNS.record(values), now)
        except asyncpg.UniqueViolationError:
            raise CampaignTitleTaken from None
        except asyncpg.ForeignKeyViolationError:
            raise no_business() from None
        if new.page_tab_ids:
            await _set_members(tx, account_id, page_tab_id, new.page_tab_ids)
    return page_tab_id


CREATE = f"""
    with {HOLD},
    saved as (
        insert into campaigns (account_id, created_at, updated_at, {COLUMNS})
        select $1, $3, $3, {COLUMNS}
        from jsonb_populate_record(null::campaigns, $2)
        returning account_id, page_tab_id
    ),
    announced as (
        {announce(CAMPAIGN_CREATED, "saved", at="$3")}
    )
    select page_tab_id from saved
"""  # noqa: S608 - fixed parts


async def change_campaign(db: Db, account_id: int, changes: CampaignChanges, now: datetime) -> int:
    """Update the fields sent of a campaign and return its page_tab_id."""
    values = COLUMNS.sent_fields(changes)
    async with db.transaction() as tx:
        try:
            updated = await tx.value(CHANGE, account_id, changes.page_tab_id, COLUMNS.record(values), now, list(values))
        except asyncpg.UniqueViolationError:
            raise CampaignTitleTaken from None
        except asyncpg.ForeignKeyViolationError:
            raise no_business() from None
        if updated is None:
            raise Unknown(campaign=changes.page_tab_id)
        if "page_tab_ids" in values:
            await _set_members(tx, account_id, changes.page_tab_id, values["page_tab_ids"] or [])
    return changes.page_tab_id


CHANGE = f"""
    with {HOLD},
    saved as (
        update campaigns c
        set {COLUMNS.assignments("c", "$3")},
            updated_at = $4
        where c.account_id = $1 and c.page_tab_id = $2
        returning c.account_id, c.page_tab_id
    ),
    announced as (
        {announce(CAMPAIGN_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select page_tab_id from saved
"""  # noqa: S608 - fixed parts


async def _set_members(db: Db, account_id: int, page_tab_id: int, members: Sequence[int]) -> None:
    member_ids = list(dict.fromkeys(members))
    if page_tab_id in member_ids:
        raise BadParameters([("page_tab_ids", "must not contain the bundle itself")])
    await db.execute("delete from campaign_members where account_id = $1 and page_tab_id = $2", account_id, page_tab_id)
    try:
        await db.execute(
            """
            insert into campaign_members (account_id, page_tab_id, member_page_tab_id, place)
            select $1, $2, member_page_tab_id, place
            from unnest($3::bigint[]) with ordinality as member (member_page_tab_id, place)
            """,
            account_id,
            page_tab_id,
            member_ids,
        )
    except asyncpg.ForeignKeyViolationError:
        raise no_members() from None


async def close_campaign(db: Db, account_id: int, change: CampaignClosing, now: datetime) -> int:
    """Close a campaign with a winner and return its page_tab_id; no change if it is closed with the same winner."""
    async with db.transaction() as tx:
        campaign = await tx.row(
            "select closed_at, winner_fan_id from campaigns where account_id = $1 and page_tab_id = $2 for update",
            account_id,
            change.page_tab_id,
        )
        if campaign is None:
            raise Unknown(campaign=change.page_tab_id)
        if campaign["closed_at"] is not None and campaign["winner_fan_id"] == change.winner_fan_id:
            return change.page_tab_id
        if campaign["winner_fan_id"] is not None:
            raise CampaignClosed
        if change.winner_fan_id is not None and not await has_fan(tx, account_id, change.winner_fan_id):
            raise BadParameters([("winner_fan_id", NO_FAN)])
        await tx.execute(CLOSE, account_id, change.page_tab_id, change.winner_fan_id, now)
    return change.page_tab_id


CLOSE = f"""
    with {HOLD},
    saved as (
        update campaigns
        set closed_at = coalesce(closed_at, $4), winner_fan_id = $3, is_active = false, updated_at = $4
        where account_id = $1 and page_tab_id = $2
        returning account_id, page_tab_id, winner_fan_id
    )
    {announce(CAMPAIGN_CLOSED, "saved", fan="winner_fan_id", at="$4")}
"""  # noqa: S608 - fixed parts
