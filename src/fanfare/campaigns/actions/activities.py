"""Records activities of a fan by id, or of a fan found or created by contact data, in one statement."""

from datetime import datetime
from typing import Any

import msgspec

from fanfare.campaigns.actions.quests import HAS_PROGRESS, open_quests, progress, settle
from fanfare.campaigns.queries.checks import check_campaign_field
from fanfare.campaigns.schemas.activities import ActivitySaved, NewActivity, NewFanActivity
from fanfare.campaigns.topics import ACTIVITY_CREATED, CAMPAIGN_CREATED
from fanfare.fans.actions.people import MATCH, FanStatements, LightStatement, person
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict, Unknown

SOURCE = "crm_activities_create"
# Which quests `q` an activity `c` fulfils.
IS_TARGET = "q.target_page_tab_id = c.page_tab_id"
CONTACT = ("email", "phone", "country_code", "province", "postal_code")
PERSON_FIELDS = ("first_name", "last_name", "ip_address", "is_subscribed", "is_phone_subscribed")

# CTEs after `resolved` (fan_id): find the campaign by its title, or insert it if that is new. Of concurrent inserts of
# a title one gets a unique violation and is retried (`db.retry_conflicts`).
CAMPAIGN = """
    campaign as materialized (
        select page_tab_id from campaigns
        where account_id = $1 and app_type = 'custom' and fold_text(title) = fold_text(:title)
    ),
"""
NEW_CAMPAIGN = """
    new_campaign as (
        insert into campaigns (account_id, title, app_type, created_at, updated_at)
        select $1, :title, 'custom', :now, :now from resolved
        where :title::text is not null and not exists (select from campaign)
        returning page_tab_id
    ),
"""
# From the CTEs `hold` and `resolved`, what inserts an activity in a campaign, with its row of the change log.
INSERT_ACTIVITY = f"""
    insert_activity as (
        insert into activities (account_id, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at)
        select $1, nextval('positions'), resolved.fan_id, {{page_tab_id}},
               :ip_address, :user_key, :props, :now
        from hold cross join resolved {{condition}}
        returning activity_id, fan_id, page_tab_id
    ),
    count_activity as (
        insert into fan_activity as f (account_id, fan_id, first_active_at, last_active_at, activity_count)
        select $1, fan_id, :now, :now, 1 from insert_activity
        on conflict (account_id, fan_id) do update
        set first_active_at = least(f.first_active_at, excluded.first_active_at),
            last_active_at = greatest(f.last_active_at, excluded.last_active_at),
            activity_count = f.activity_count + 1
    ),
    announced_activities as (
        {announce(ACTIVITY_CREATED, "insert_activity", position="activity_id", at=":now")}
        {{also}}
    )
"""  # noqa: S608 - fixed parts
# The same with progress in quests.
RECORD_ACTIVITY = f"""
    {INSERT_ACTIVITY},
    {progress("campaign", "insert_activity", IS_TARGET, moment=":now")}
    select fan_id, activity_id, {HAS_PROGRESS} from insert_activity
"""  # noqa: S608 - fixed parts
RECORD = (
    CAMPAIGN
    + NEW_CAMPAIGN
    + RECORD_ACTIVITY.format(
        page_tab_id="coalesce((select page_tab_id from campaign), (select page_tab_id from new_campaign))",
        condition="",
        also=also(CAMPAIGN_CREATED, "new_campaign", at=":now"),
    )
)
IS_THERE = "(:title::text is null or exists (select from campaign))"
# Records nothing if the campaign is new.
RECORD_LIGHT = CAMPAIGN + RECORD_ACTIVITY.format(
    page_tab_id="(select page_tab_id from campaign)", condition=f"where {IS_THERE}", also=""
)

# The fan's row is locked, so that a concurrent erasure waits and then finds this activity too.
FOR_FAN = Sql(f"""
    with {HOLD},
    resolved as materialized (
        select fan_id from fans where account_id = $1 and fan_id = :fan_id for key share
    ),
    {RECORD}
""")  # noqa: S608 - fixed parts
FOR_CAMPAIGN = Sql(f"""
    with {HOLD},
    resolved as materialized (
        select fan_id from fans where account_id = $1 and fan_id = :fan_id for key share
    ),
    {RECORD_ACTIVITY.format(page_tab_id=":page_tab_id::bigint", condition="", also="")}
""")  # noqa: S608 - fixed parts
FOR_CONTACT = FanStatements(f"with {HOLD}, {MATCH}, {RECORD}", light=f"with {HOLD}, {MATCH}, {RECORD_LIGHT}")
# Returns the fan and whether the campaign is there; records nothing if it is new, or a quest is open for it.
WITHOUT_QUESTS = LightStatement(f"""
    with {HOLD},
    {MATCH},
    {CAMPAIGN}
    {
    INSERT_ACTIVITY.format(
        page_tab_id="(select page_tab_id from campaign)",
        condition=f"where {IS_THERE} and not exists (select {open_quests('campaign', 'campaign', IS_TARGET, ':now')})",
        also="",
    )
}
    select resolved.fan_id, a.activity_id, false as has_progress, {IS_THERE} as is_there
    from resolved left join insert_activity a on true
""")  # noqa: S608 - fixed parts


COUNT_ALL = """
    insert into fan_activity (account_id, fan_id, first_active_at, last_active_at, activity_count)
    select account_id, fan_id, min(created_at), max(created_at), count(*)
    from activities where account_id = $1
    group by account_id, fan_id
    on conflict (account_id, fan_id) do update
    set first_active_at = excluded.first_active_at, last_active_at = excluded.last_active_at,
        activity_count = excluded.activity_count
"""


async def count_activities(db: Db, account_id: int) -> None:
    """Recompute fan_activity of an account, after activities were imported by COPY."""
    await db.execute(COUNT_ALL, account_id)


class EnteredAlready(Conflict):
    """The fan has entered this campaign already"""


async def record_fan_activity(db: Db, account_id: int, new: NewFanActivity, now: datetime) -> ActivitySaved:
    """Record an activity of an existing fan; creates the campaign if the title is new. Unknown (404) fan."""
    named = {"fan_id": new.fan_id, **_arguments(new), "now": now}
    row = await db.retry_conflicts(lambda tx: tx.row(FOR_FAN, account_id, **named))
    if row is None:
        raise Unknown(fan=new.fan_id)
    return await _saved(db, account_id, row, now)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a fan did in a campaign, by its id, by its title, or in none; with `is_unique` once at most."""

    fan_id: int
    page_tab_id: int | None = None
    campaign_title: str | None = None
    is_unique: bool = False
    ip_address: str | None
    user_key: str | None
    props: dict[str, Any]


async def record_entry(db: Db, account_id: int, entry: Entry, now: datetime) -> ActivitySaved:
    """Record an activity of a fan, once in its campaign where that is asked for; part of the caller's transaction.

    Refuses (422) an unknown campaign, (404) an unknown fan and (409) a second entry.
    """
    if entry.is_unique:
        # Whoever enters at the same time waits here, and then sees this entry and its campaign.
        lock = "select from fans where account_id = $1 and fan_id = $2 for no key update"
        await db.execute(lock, account_id, entry.fan_id)
    if entry.page_tab_id is None:
        return await _record_by_title(db, account_id, entry, now)
    await check_campaign_field(db, account_id, entry.page_tab_id)
    await _check_unique(db, account_id, entry, entry.page_tab_id)
    named = {name: getattr(entry, name) for name in ("fan_id", "page_tab_id", "ip_address", "user_key", "props")}
    row = await db.row(FOR_CAMPAIGN, account_id, **named, now=now)
    if row is None:
        raise Unknown(fan=entry.fan_id)
    return await _saved(db, account_id, row, now)


async def _record_by_title(db: Db, account_id: int, entry: Entry, now: datetime) -> ActivitySaved:
    page_tab_id = await db.value(
        "select page_tab_id from campaigns"
        " where account_id = $1 and app_type = 'custom' and fold_text(title) = fold_text($2)",
        account_id,
        entry.campaign_title,
    )
    await _check_unique(db, account_id, entry, page_tab_id)
    row = await db.row(FOR_FAN, account_id, fan_id=entry.fan_id, **_arguments(entry), now=now)
    if row is None:
        raise Unknown(fan=entry.fan_id)
    return await _saved(db, account_id, row, now)


async def _check_unique(db: Db, account_id: int, entry: Entry, page_tab_id: int | None) -> None:
    """Refuse a second entry; the caller holds the fan's row."""
    if not entry.is_unique:
        return
    exists = "select true from activities where account_id = $1 and fan_id = $2 and page_tab_id = $3 limit 1"
    if await db.value(exists, account_id, entry.fan_id, page_tab_id):
        raise EnteredAlready


def _arguments(new: NewActivity | NewFanActivity | Entry) -> dict[str, object]:
    return {
        "title": new.campaign_title,
        "ip_address": new.ip_address,
        "user_key": new.user_key,
        "props": new.props or {},
    }


async def record_activity(db: Db, account: Account, new: NewActivity, now: datetime) -> ActivitySaved:
    """Record an activity of the fan with this email address or phone; creates the fan if there is none."""
    contact = {name: getattr(new, name) for name in CONTACT}
    attributes = {name: getattr(new, name) for name in PERSON_FIELDS}
    profile = person(contact, home_country=account.country_code, **attributes)
    named = {**_arguments(new), "now": now, "source": SOURCE}
    row = await WITHOUT_QUESTS.row(db, account.id, profile, named)
    if row is None or not row["is_there"]:
        (row,) = await FOR_CONTACT.run_full(db, account.id, [profile], named)
    elif row["activity_id"] is None:
        # A quest is open.
        (row,) = await FOR_CONTACT.run(db, account.id, [profile], named)
    return await _saved(db, account.id, row, now)


async def _saved(db: Db, account_id: int, row: Record, now: datetime) -> ActivitySaved:
    if row["has_progress"]:
        await settle(db, account_id, [row["fan_id"]], now)
    return ActivitySaved(row["fan_id"], row["activity_id"])
