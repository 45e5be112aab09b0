"""Records activities, and moves or forgets those of a fan."""

from datetime import datetime

from fanfare.campaigns.schemas.activities import ActivitySaved, NewFanActivity
from fanfare.kernel.db import Db
from fanfare.kernel.errors import Unknown

# From a CTE `who` (fan_id), the title in $2 and the moment in $3: the campaign, made when its title is new, the
# activity ($4 address, $5 user key, $6 values), and the rows of the change log. Two first uses of a title at once end
# in a unique violation for one, which is tried again.
RECORDED = """
    known as materialized (
        select page_tab_id from campaigns
        where account_id = $1 and app_type = 'custom' and lower(title) = lower($2)
    ),
    made as (
        insert into campaigns (account_id, title, app_type, created_at, updated_at)
        select $1, $2, 'custom', $3, $3 from who
        where $2::text is not null and not exists (select from known)
        returning page_tab_id
    ),
    recorded as (
        insert into activities (account_id, activity_id, fan_id, page_tab_id, ip_address, user_key, props, created_at)
        select $1, nextval('positions'), who.fan_id,
               coalesce((select page_tab_id from known), (select page_tab_id from made)), $4, $5, $6, $3
        from hold cross join who
        returning activity_id, fan_id, page_tab_id
    ),
    told as (
        insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)
        select $1, activity_id, 'activity.created', activity_id::text, fan_id, $3,
               jsonb_build_object('page_tab_id', page_tab_id)
        from recorded
        union all
        select $1, nextval('positions'), 'campaign.created', page_tab_id::text, null, $3, '{}'
        from hold cross join made
    )
"""


async def record_fan_activity(db: Db, account_id: int, wanted: NewFanActivity, now: datetime) -> ActivitySaved:
    """Record an activity of a known fan, and make its campaign when the title is new; refuse an unknown fan."""

    async def write(held: Db) -> ActivitySaved:
        row = await held.row(
            OF_KNOWN_FAN,
            account_id,
            wanted.campaign_title,
            now,
            wanted.ip_address,
            wanted.user_key,
            wanted.props or {},
            wanted.fan_id,
        )
        if row is None:
            raise Unknown
        return ActivitySaved(row["fan_id"], row["activity_id"])

    return await db.racing(write)


# The fan's row is held, so that an erasure running at the same time waits and then finds this activity too.
OF_KNOWN_FAN = f"""
    with hold as materialized (select hold_position($1) as held),
    who as materialized (
        select fan_id from fans where account_id = $1 and fan_id = $7 for key share
    ),
    {RECORDED}
    select fan_id, activity_id from recorded
"""  # noqa: S608 - fixed parts
