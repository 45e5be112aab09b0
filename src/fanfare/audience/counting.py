"""Counts and statistics of criteria: by the index when it knows them and answers in time, else by the tables."""

from datetime import datetime, timedelta

from fanfare.audience import client
from fanfare.audience.protocol import Ages, Answer, Look, Question
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.person import years_before
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.uses import plan
from fanfare.search.queries import conditions, stats
from fanfare.search.schemas.stats import FilterStats

# Looking by the tables takes longer than that.
LOOK_SECONDS = 2.0


async def fan_count(db: Db, account: Account, criteria: Criteria, now: datetime) -> int:
    """Return the number of fans who meet criteria now; 422 for criteria that cannot be evaluated."""
    context = await conditions.checked_context(db, account, criteria, now)
    answer = await _ask(db, account, criteria, context)
    if answer is not None and answer.count is not None:
        return answer.count
    return await conditions.fan_count(db, account.id, criteria, context)


async def criteria_stats(db: Db, account: Account, criteria: Criteria, now: datetime) -> FilterStats:
    """Return the statistics of the fans who meet criteria now; 422 for criteria that cannot be evaluated."""
    context = await conditions.checked_context(db, account, criteria, now)
    answer = await _ask(db, account, criteria, context, age_groups(context))
    if answer is None or answer.statistics is None:
        return await stats.criteria_stats(db, account.id, criteria, context)
    result = answer.statistics
    result.postal_demographics = await stats.with_census(db, result.postal_demographics)
    return result


async def matches(db: Db, account: Account, plans: list[Plan], fan_ids: list[int]) -> list[list[int]] | None:
    """Return for each plan those of some fans whom it finds, as of a moment after this call, or None.

    Must not be asked in a transaction that wrote what plans read: the index sees what is committed.
    """
    if not plans or not fan_ids:
        return [[] for _ in plans]
    look = Look(account.id, account.time_zone, plans, fan_ids)
    answer = await client.ask(db, look, patience=LOOK_SECONDS)
    return answer.matches if answer else None


async def _ask(
    db: Db, account: Account, criteria: Criteria, context: Context, ages: Ages | None = None
) -> Answer | None:
    # The index sees only what is committed, so it would miss what the caller's transaction wrote.
    if db.in_transaction:
        return None
    query: Plan | None = plan(criteria, context)
    return None if query is None else await client.ask(db, Question(account.id, account.time_zone, query, ages))


def age_groups(context: Context) -> Ages:
    """Return the groups of ages of today, the youngest first."""
    bounds = [0, *stats.AGES]
    groups: list[tuple[int, int | None, int]] = []
    for first, following in zip(bounds, [*stats.AGES, None], strict=True):
        last = None if following is None else following - 1
        # Born on this day or later: not yet as old as the following group.
        born = 0 if following is None else years_before(context.today, following).toordinal() + 1
        groups.append((first, last, born))
    recent = (context.today - timedelta(days=stats.RECENT_DAYS)).toordinal()
    return Ages(groups, recent, stats.MAX_PLACES, stats.MAX_AREAS)
