"""Clears what old clicks and sales tell of people: IP addresses, user agents and parameters.

What attribution and figures need stays: verdicts, times, and the id of the browser, which is random and in each account
another; it is cleared when the fan is erased. Clicks without a user agent are not judged again.
"""

from datetime import datetime, timedelta

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings

CHUNK = 5000
# By how much the clocks of hosts may differ.
CLOCK_SKEW = timedelta(days=1)
# From where the last run ended, in the order of ids; it ends before the first row that is not old.
CLEAR = """
    with page as materialized (
        select {id}, {is_old} as is_old from {table}
        where account_id = $1 and {id} > (select {mark} from tracker_settings where account_id = $1)
        order by {id} limit $3
    ),
    ready as materialized (
        select {id} from page
        where is_old and {id} < coalesce((select min({id}) from page where not is_old), 9223372036854775807)
    ),
    cleared as (
        update {table} r set ip_address = null, user_agent = null, url_param_props = null
        from ready where r.account_id = $1 and r.{id} = ready.{id}
    )
    update tracker_settings set {mark} = coalesce((select max({id}) from ready), {mark}) where account_id = $1
    returning (select count(*) from ready)
"""
CLICKS = CLEAR.format(
    table="tracker_clicks", id="click_id", is_old="(clicked_at < $2 or clicked_at > $4)", mark="clicks_cleared_to"
)
# Of sales, those that pages reported: the others have neither, and times that others choose.
EVENTS = CLEAR.format(
    table="tracker_events",
    id="event_id",
    is_old="(created_at < $2 or created_at > $4 or event_source <> 'pixel')",
    mark="events_cleared_to",
)


class Retention:
    """How long these are kept, as the settings of the process say."""

    def __init__(self) -> None:
        """Begin with the default."""
        self.use(Settings())

    def use(self, settings: Settings) -> None:
        """Take the settings."""
        self.time = timedelta(days=settings.clicks_days)


# That of this process; `use` is called as the worker starts.
retention = Retention()


async def clear_old(db: Db, account_id: int, older_than: datetime, now: datetime) -> None:
    """Clear the clicks and sales of before a time, a few thousand in a statement.

    Times to come are of a clock that was wrong, and cleared with those before: nothing waits for them.
    """
    await db.execute(
        "insert into tracker_settings (account_id) values ($1) on conflict (account_id) do nothing", account_id
    )
    for statement in (CLICKS, EVENTS):
        while await db.value(statement, account_id, older_than, CHUNK, now + CLOCK_SKEW) == CHUNK:
            pass
