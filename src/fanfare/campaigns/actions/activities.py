"""Records activities: of a fan known by id, or of one found or made by contact data, in one statement."""

from datetime import datetime
from itertools import count

from fanfare.campaigns.schemas.activities import ActivitySaved, NewActivity, NewFanActivity
from fanfare.campaigns.topics import ACTIVITY_CREATED, CAMPAIGN_CREATED
from fanfare.fans.actions.people import FOUND, arguments, person, text
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown

SOURCE = "crm_activities_create"
CONTACT = ("email", "phone", "country_code", "province", "postal_code")
PERSON_FIELDS = ("first_name", "last_name", "ip_address", "is_subscribed", "is_phone_subscribed")

# From the CTEs `hold` and `who` (fan_id): the campaign, made when its title is new, the activity, and the rows of the
# change log. Two first uses of a title at once end in a unique violation for one, which is tried again.
RECORDED = f"""
    known as materialized (
        select page_tab_id from campaigns
        where account_id = $1 and app_type = 'custom' and fold_text(title) = fold_text(:title)
    ),
    begun as (
        insert into campaigns (account_id, title, app_type, created_at, updated_at)
        select $1, :title, 'custom', :now, :now from who
        where :title::text is not null and not exists (select from known)
        returning page_tab_id
    ),
    recorded as (
        insert into activities (account_id, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at)
        select $1, nextval('positions'), who.fan_id,
               coalesce((select page_tab_id from known), (select page_tab_id from begun)),
               :ip_address, :user_key, :props, :now
        from hold cross join who
        returning activity_id, fan_id, page_tab_id
    ),
    counted as (
        insert into fan_activity as f (account_id, fan_id, first_active_at, last_active_at, activity_count)
        select $1, fan_id, :now, :now, 1 from recorded
        on conflict (account_id, fan_id) do update
        set first_active_at = least(f.first_active_at, excluded.first_active_at),
            last_active_at = greatest(f.last_active_at, excluded.last_active_at),
            activity_count = f.activity_count + 1
    ),
    told as (
        {announce(ACTIVITY_CREATED, "recorded", position="activity_id", at=":now")}
        {also(CAMPAIGN_CREATED, "begun", at=":now")}
    )
    select fan_id, activity_id from recorded
"""  # noqa: S608 - fixed parts

# The fan's row is held, so that an erasure running at the same time waits and then finds this activity too.
OF_KNOWN_FAN = Sql(f"""
    with {HOLD},
    who as materialized (
        select fan_id from fans where account_id = $1 and fan_id = :fan_id for key share
    ),
    {RECORDED}
""")  # noqa: S608 - fixed parts
OF_FOUND_FAN = tuple(
    Sql(f"""
    with {HOLD},
    {statement},
    {RECORDED}
    """)
    for statement in FOUND
)


# After activities came in by COPY.
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
    """Count anew when each fan of an account was active; for imports, which bring activities past the call."""
    await db.execute(COUNT_ALL, account_id)


async def record_fan_activity(db: Db, account_id: int, new: NewFanActivity, now: datetime) -> ActivitySaved:
    """Record an activity of an existing fan, and make its campaign when the title is new; refuse an unknown fan."""
    named = {"fan_id": new.fan_id, **_arguments(new), "now": now}
    row = await db.racing(lambda tx: tx.row(OF_KNOWN_FAN, account_id, **named))
    if row is None:
        raise Unknown(fan=new.fan_id)
    return ActivitySaved(row["fan_id"], row["activity_id"])


def _arguments(new: NewActivity | NewFanActivity) -> dict[str, object]:
    return {
        "title": new.campaign_title,
        "ip_address": new.ip_address,
        "user_key": new.user_key,
        "props": new.props or {},
    }


async def record_activity(db: Db, account: Account, new: NewActivity, now: datetime) -> ActivitySaved:
    """Record an activity of the fan with this email address or phone, who is made when there is none."""
    contact = {name: getattr(new, name) for name in CONTACT}
    attributes = {name: getattr(new, name) for name in PERSON_FIELDS}
    profile = [person(contact, home_country=account.country_code, **attributes)]
    named, turns = {**arguments(profile), **_arguments(new), "now": now, "source": SOURCE}, count()
    row = await db.racing(lambda tx: tx.row(text(OF_FOUND_FAN, profile, next(turns)), account.id, **named))
    if row is None:
        message = "No fan has this email or phone number"
        raise Unknown(message)
    return ActivitySaved(row["fan_id"], row["activity_id"])
