"""The rule by which an account attributes sales."""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.trackers.schemas.sales import ATTRIBUTIONS
from fanfare.trackers.topics import TRACKER_SETTINGS_UPDATED

ATTRIBUTE_JOB, JUDGE_JOB = "trackers.attribute_all", "trackers.judge_all"
SAVE = f"""
    with {HOLD},
    saved as (
        insert into tracker_settings (account_id, attribution) values ($1, $2)
        on conflict (account_id) do update set attribution = excluded.attribution
        returning account_id
    )
    {announce(TRACKER_SETTINGS_UPDATED, "saved", at="$3")}
"""  # noqa: S608 - fixed parts


# Clicks of another version of the rules are judged.
FORGET_VERSION = f"""
    with {HOLD},
    saved as (
        insert into tracker_settings (account_id, attribution, rules_version) values ($1, $2, '')
        on conflict (account_id) do update set rules_version = '', judged_to = null
        returning account_id
    )
    {announce(TRACKER_SETTINGS_UPDATED, "saved", at="$3")}
"""  # noqa: S608 - fixed parts


async def judge_all_again(db: Db, account_id: int, now: datetime) -> None:
    """Let a job judge all clicks of an account by the present rules and lists, and attribute sales by the verdicts."""
    async with db.transaction() as tx:
        await tx.execute(FORGET_VERSION, account_id, ATTRIBUTIONS[0], now)
        await enqueue(tx, JUDGE_JOB, key=str(account_id))


async def save_attribution(db: Db, account_id: int, attribution: str, now: datetime) -> None:
    """Store the rule; a job attributes all sales by it, those of before too."""
    async with db.transaction() as tx:
        await tx.execute(SAVE, account_id, attribution, now)
        await enqueue(tx, ATTRIBUTE_JOB, key=str(account_id))
