"""Updates ratings: after relevant changes, and in a daily pass over all fans, since ratings depend on the date.

The position in the change log and the progress of the pass are updated in the transaction that writes the ratings, so
that a worker that continues after a crash neither repeats nor skips a fan.
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

# Changes per page, fans per transaction, and the number of pages and chunks in a run, after which other accounts run.
PAGE = 1000
CHUNK = 1000
MAX_CHUNKS = 200
# The pause after a chunk, as a multiple of its duration, so that readers of the change log keep up with a pass.
PAUSE_FACTOR = 2.0


async def update_ratings(db: Db, account: Account, now: datetime, *, limit: int = MAX_CHUNKS) -> bool:
    """Rate the fans that changed since the last run, then continue the daily pass; return whether all is done."""
    for _ in range(limit):
        if not await follow_changes(db, account, now):
            break
    else:
        return False
    for _ in range(limit):
        start = time.monotonic()
        if not await continue_pass(db, account, now):
            return True
        await asyncio.sleep((time.monotonic() - start) * PAUSE_FACTOR)
    return False


async def follow_changes(db: Db, account: Account, now: datetime) -> bool:
    """Rate the fans of the next page of the change log; return whether there are more pages."""
    progress = await _progress(db, account, now)
    page = await changes.feed(db, account.id, progress.position, PAGE)
    if not page.changes:
        return False
    fan_ids = sorted({each.fan_id for each in page.changes if each.fan_id and each.topic in TOPICS})
    async with db.transaction() as tx:
        # Not if another worker has handled this page.
        has_moved = await tx.value(
            "update rating_progress set position = $3 where account_id = $1 and position = $2 returning true",
            account.id,
            progress.position,
            page.position,
        )
        if has_moved:
            await rate(tx, account, fan_ids, now)
    return not page.is_last


async def continue_pass(db: Db, account: Account, now: datetime) -> bool:
    """Rate the next fans of the daily pass, in the order of their ids; return whether more are left."""
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
        has_more = len(fan_ids) == CHUNK
        sql = "update rating_progress set pass_to = $2 where account_id = $1"
        await tx.execute(sql, account.id, fan_ids[-1] if has_more else None)
    return has_more


async def pass_again(db: Db, account_id: int) -> None:
    """Let the daily pass begin again, in whichever time zone today is."""
    await db.execute("update rating_progress set passed_on = passed_on - 2 where account_id = $1", account_id)


async def _progress(db: Db, account: Account, now: datetime) -> Progress:
    """Return an account's progress; a new one starts with a full pass, and with changes from now on."""
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
    updated as (
        update fans f
        set rating = l.rating, position = nextval('positions'),
            updated_at = greatest($4, f.updated_at + interval '1 millisecond')
        from locked l
        where f.account_id = $1 and f.fan_id = l.fan_id
        returning f.fan_id, f.position, f.updated_at
    ),
    announced as (
        {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="jsonb_build_array('rating')")}
    )
    select count(*) from updated
"""  # noqa: S608 - fixed parts


async def rate(db: Db, account: Account, fan_ids: list[int], now: datetime) -> int:
    """Rate some fans and return the number of changed ratings; only those are written and announced."""
    # Computed first without locks: a transaction that holds a position delays readers of the change log.
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
