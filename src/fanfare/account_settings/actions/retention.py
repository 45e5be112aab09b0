"""Changes how long an account keeps what."""

from datetime import datetime

from fanfare.account_settings.queries.retention import server_periods
from fanfare.account_settings.schemas.retention import RetentionChanges
from fanfare.account_settings.topics import ACCOUNT_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters

SAVE = f"""
    with {HOLD},
    saved as (
        insert into retention_periods as r (account_id, retention_kind, retention_days, updated_at)
        select $1, $2, $3, $4 from hold
        on conflict (account_id, retention_kind) do update
        set retention_days = excluded.retention_days, updated_at = excluded.updated_at
        returning account_id, retention_kind
    )
    {announce(ACCOUNT_UPDATED, "saved", at="$4", fields="array[retention_kind || '_days']")}
"""  # noqa: S608 - fixed parts
REMOVE = f"""
    with {HOLD},
    removed as (
        delete from retention_periods where account_id = $1 and retention_kind = $2
        returning account_id, retention_kind
    )
    {announce(ACCOUNT_UPDATED, "removed", at="$3", fields="array[retention_kind || '_days']")}
"""  # noqa: S608 - fixed parts


async def save_retention(db: Db, account_id: int, changes: RetentionChanges, now: datetime) -> None:
    """Keep a kind for some days from the next night on, or as long as the operator says."""
    kind, days = changes.retention_kind, changes.retention_days
    longest = server_periods.days[kind]
    if days is None:
        await db.execute(REMOVE, account_id, kind, now)
        return
    if days > longest:
        raise BadParameters([("retention_days", f"must be {longest:g} or fewer, as the operator of the server says")])
    await db.execute(SAVE, account_id, kind, days, now)
