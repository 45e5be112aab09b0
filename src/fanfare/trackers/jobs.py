"""Follows purchases and tickets, judges clicks by new rules, and clears or deletes what is no longer needed."""

from datetime import datetime

from fanfare.accounts import queries as accounts
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import job, schedule
from fanfare.kernel.data.retention import CLICKS, oldest
from fanfare.trackers.actions import attribution, domains, judging, sales, upkeep
from fanfare.trackers.actions.retention import clear_old, retention
from fanfare.trackers.verdicts import agents

MAX_PAGES = 100


@schedule("* * * * *", each=accounts.account_ids)
async def follow_sales(db: Db, account_id: int, now: datetime) -> None:
    """Attribute an account's new purchases and tickets, if the fan had clicked."""
    for _ in range(MAX_PAGES):
        if not await sales.follow_sales(db, account_id, now):
            return


@schedule("17 * * * *", each=accounts.account_ids)
async def judge_clicks(db: Db, account_id: int, now: datetime) -> None:
    """Judge an account's clicks again if the rules or the published lists have changed."""
    await _judge_again(db, account_id, now)


@schedule("41 3 * * *", each=accounts.account_ids)
async def clear_old_clicks(db: Db, account_id: int, now: datetime) -> None:
    """Clear IP addresses, user agents and parameters of clicks and sales that are old by settings or account."""
    await clear_old(db, account_id, await oldest(db, account_id, CLICKS, retention.time, now), now)


@job()
async def judge_all(db: Db, now: datetime) -> None:
    """Judge all clicks of an account again, as somebody asked for."""
    if db.account_id is not None:
        await _judge_again(db, db.account_id, now)


async def _judge_again(db: Db, account_id: int, now: datetime) -> None:
    """Judge clicks by lists that a worker has in memory only meanwhile."""
    with agents.session():
        await judging.judge_again(db, account_id, now)


@job()
async def check_domain(db: Db, domain_id: int, now: datetime) -> None:
    """Check the DNS and TLS of a virtual domain, as somebody asked for."""
    if db.account_id is not None:
        await domains.check_domain(db, db.account_id, domain_id, now)


@job()
async def attribute_all(db: Db) -> None:
    """Attribute all sales of an account, by another rule or other verdicts than before."""
    if db.account_id is not None:
        await attribution.attribute_all(db, db.account_id)


@job()
async def delete_clicks(db: Db, tracker_id: int) -> None:
    """Delete the clicks of a tracker that was deleted, and the shares of sales that they were credited with."""
    if db.account_id is not None:
        await upkeep.delete_clicks(db, db.account_id, tracker_id)
