"""Keeps ratings: after each change that may matter, and day by day as what fans did grows old.

The place in the change log and the place of the pass move in the transaction that rates, so whoever goes on after a
worker that died does neither twice nor leaves a fan out.
"""

import asyncio
import time
from datetime import datetime

from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data import changes
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.ratings.queries import RATED, TOPICS, as_arguments, since, today
from fanfare.ratings.schemas import Progress

# Changes read at once, fans passed by one transaction, and how many of each a run does before other accounts' turn.
PAGE = 1000
CHUNK = 1000
MAX_FANS = 200
# How much longer than a chunk the rest after it takes: a pass can change everybody, and who follows the log keeps up.
REST = 2.0


async def keep_ratings(db: Db, account: Account, now: datetime, *, limit: int = MAX_FANS) -> bool:
    """Rate who was touched since the last time, then go on with the daily pass; tell whether all is done."""
    for _ in range(limit):
        if not await follow_changes(db, account, now):
            break
    else:
        return False
    for _ in range(limit):
        start = time.monotonic()
        if not await pass_on(db, account, now):
            return True
        await asyncio.sleep((time.monotonic() - start) * REST)
    return False


async def follow_changes(db: Db, account: Account, now: datetime) -> bool:
    """Rate the fans of the next page of the change log; tell whether more is there."""
    progress = await _progress(db, account, now)
    page = await changes.feed(db, account.id, progress.position, PAGE)
    if not page.changes:
        return False
    fan_ids = sorted({each.fan_id for each in page.changes if each.fan_id and each.topic in TOPICS})
    async with db.transaction() as tx:
        is_ours = await tx.value(
            "update rating_progress set position = $3 where account_id = $1 and position = $2 returning true",
            account.id,
            progress.position,
            page.position,
        )
        if is_ours:
            await rate(tx, account, fan_ids, now)
    return not page.is_last


async def pass_on(db: Db, account: Account, now: datetime) -> bool:
    """Rate the next fans of the day's pass, in the order of their ids; tell whether more are left."""
    await _progress(db, account, now)
    async with db.transaction() as tx:
        place = await tx.value(
            """
            update rating_progress
            set passed_on = case when pass_to is null then $2 else passed_on end, pass_to = coalesce(pass_to, 0)
            where account_id = $1 and (pass_to is not null or passed_on < $2)
            returning pass_to
            """,
            account.id,
            today(account, now),
        )
        if place is None:
            return False
        sql = "select fan_id from fans where account_id = $1 and fan_id > $2 order by fan_id limit $3"
        fan_ids = [row["fan_id"] for row in await tx.rows(sql, account.id, place, CHUNK)]
        await rate(tx, account, fan_ids, now)
        is_more = len(fan_ids) == CHUNK
        sql = "update rating_progress set pass_to = $2 where account_id = $1"
        await tx.execute(sql, account.id, fan_ids[-1] if is_more else None)
    return is_more


async def _progress(db: Db, account: Account, now: datetime) -> Progress:
    """Return how far an account is; a new one begins with a pass over everyone and with the changes from now on."""
    sql = "select position, passed_on, pass_to from rating_progress where account_id = $1"
    row = await db.row(sql, account.id)
    if row is None:
        bound = await changes.settled(db, account.id)
        await db.execute(
            """
            insert into rating_progress (account_id, position, passed_on, pass_to) values ($1, $2, $3, 0)
            on conflict (account_id) do nothing
            """,
            account.id,
            bound,
            today(account, now),
        )
        return Progress(bound, today(account, now), 0)
    return Progress(**row)


RATE = f"""
    with {HOLD},
    locked as materialized (
        select f.fan_id, r.rating from hold cross join unnest($2::bigint[], $3::numeric[]) as r (fan_id, rating)
        join fans f on f.account_id = $1 and f.fan_id = r.fan_id
        where r.rating is distinct from f.rating
        order by f.fan_id
        for no key update of f
    ),
    made as (
        update fans f
        set rating = l.rating, position = nextval('positions'),
            updated_at = greatest($4, f.updated_at + interval '1 millisecond')
        from locked l
        where f.account_id = $1 and f.fan_id = l.fan_id
        returning f.fan_id, f.position, f.updated_at
    ),
    logged as (
        {announce(FAN_UPDATED, "made", position="position", at="updated_at", fields="jsonb_build_array('rating')")}
    )
    select count(*) from made
"""  # noqa: S608 - fixed parts


async def rate(db: Db, account: Account, fan_ids: list[int], now: datetime) -> int:
    """Rate some fans and return how many of them have another rating now; only those are written and announced."""
    # Found out first: only who writes holds up those who follow the log.
    sql = f"select r.fan_id, r.rating from ({RATED}) r where r.rating is distinct from r.kept_rating"  # noqa: S608 - fixed text
    rows = await db.rows(sql, account.id, fan_ids, *as_arguments(since(account, now)))
    if not rows:
        return 0
    count: int = await db.value(
        RATE,
        account.id,
        [row["fan_id"] for row in rows],
        [row["rating"] for row in rows],
        now,
    )
    return count
