"""What the index knows of the fans who meet criteria: counts and statistics, else by SQL, and sets of searches."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fanfare.audience import client
from fanfare.audience.protocol import Answer, FansQuery, MembersQuery, NextQuery, SetQuery, StatsOptions
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.person import years_before
from fanfare.search.criteria.plans import Plan
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries import conditions, stats
from fanfare.search.queries.estimates import with_quick_limit
from fanfare.search.schemas.sets import FanSet
from fanfare.search.schemas.stats import FilterStats, SegmentStatus

# The timeout of queries for members. SQL would take longer than this for many filters.
MEMBERS_SECONDS = 2.0


async def fan_count(
    db: Db, account: Account, criteria: Criteria, now: datetime, business_ids: Sequence[int] | None = None
) -> int:
    """Return the number of fans who meet criteria now; BadParameters (422) if they cannot be evaluated.

    With `business_ids` only fans of these businesses count.
    """
    context = await conditions.checked_context(db, account, criteria, now, business_ids)
    answer = await _ask(db, account, criteria, context)
    if answer is not None and answer.count is not None:
        return answer.count
    context = await with_quick_limit(db, account.id, criteria, context)
    return await conditions.fan_count(db, account.id, criteria, context)


async def criteria_stats(
    db: Db, account: Account, criteria: Criteria, now: datetime, business_ids: Sequence[int] | None = None
) -> FilterStats:
    """Return the statistics of the fans who meet criteria now; BadParameters (422) if they cannot be evaluated.

    With `business_ids` only those of fans of these businesses.
    """
    context = await conditions.checked_context(db, account, criteria, now, business_ids)
    answer = await _ask(db, account, criteria, context, stats_options(context))
    if answer is None or answer.statistics is None:
        context = await with_quick_limit(db, account.id, criteria, context)
        return await stats.criteria_stats(db, account.id, criteria, context)
    result = answer.statistics
    result.postal_demographics = await stats.with_census(db, result.postal_demographics)
    return result


async def reach(db: Db, account: Account, criteria: Criteria, now: datetime) -> SegmentStatus | None:
    """Return how many fans meet criteria now and can be reached, None when the index does not answer."""
    context = await conditions.checked_context(db, account, criteria, now)
    answer = await _ask(db, account, criteria, context, has_reach=True)
    return answer.reach if answer else None


async def counts(db: Db, account: Account, plans: Sequence[Plan], context: Context) -> list[int] | None:
    """Return for each plan the number of fans for whom it holds; None when the index does not answer one of them."""
    if not _may_ask(db, context):
        return None
    result = []
    for each in plans:
        answer = await client.ask(db, FansQuery(account.id, account.time_zone, each))
        if answer is None or answer.count is None:
            return None
        result.append(answer.count)
    return result


async def matches(db: Db, account: Account, plans: list[Plan], fan_ids: list[int]) -> list[list[int]] | None:
    """Return for each plan those of some fans for whom it holds, as of a moment after this call.

    None when the index does not answer. The caller's transaction must not have written what the plans read: the index
    sees only what is committed.
    """
    if not plans or not fan_ids:
        return [[] for _ in plans]
    query = MembersQuery(account.id, account.time_zone, plans, fan_ids)
    answer = await client.ask(db, query, timeout_seconds=MEMBERS_SECONDS)
    return answer.matches if answer else None


async def next_fans(db: Db, account: Account, plan: Plan, last_fan_id: int, limit: int) -> list[int] | None:
    """Return the ids of the fans after `last_fan_id` for whom a plan holds, at most `limit`, as `matches` does."""
    answer = await client.ask(db, NextQuery(account.id, account.time_zone, plan, last_fan_id, limit))
    return answer.matches[0] if answer and answer.matches else None


async def fan_set(
    db: Db, account: Account, criteria: Criteria, context: Context, counts: tuple[int, int]
) -> FanSet | None:
    """Return the set of the fans who meet criteria, as of a moment after this call; None without an index or answer.

    `counts`: how many of its first ids, and how many fans it has at most.
    """
    if not _may_ask(db, context):
        return None
    plan = await _plan(account, criteria, context)
    if plan is None:
        return None
    answer = await client.ask(db, SetQuery(account.id, account.time_zone, plan, *counts))
    return answer.fan_set if answer else None


def _may_ask(db: Db, context: Context) -> bool:
    # The index sees only what is committed, so it would miss what the caller's transaction wrote; and no businesses.
    return not db.in_transaction and context.business_ids is None


async def _ask(
    db: Db,
    account: Account,
    criteria: Criteria,
    context: Context,
    options: StatsOptions | None = None,
    *,
    has_reach: bool = False,
) -> Answer | None:
    if not _may_ask(db, context):
        return None
    plan = await _plan(account, criteria, context)
    if plan is None:
        return None
    return await client.ask(db, FansQuery(account.id, account.time_zone, plan, options, has_reach))


async def _plan(account: Account, criteria: Criteria, context: Context) -> Plan | None:
    return await conditions.evaluate(account.id, context, lambda: plan_of(criteria, context))


def stats_options(context: Context) -> StatsOptions:
    """Return the age groups of today and the other parameters of statistics."""
    bounds = [0, *stats.AGES]
    groups: list[tuple[int, int | None, int]] = []
    for first, following in zip(bounds, [*stats.AGES, None], strict=True):
        last = None if following is None else following - 1
        # Fans born on this day or later are not yet old enough for the next group.
        birth_day = 0 if following is None else years_before(context.today, following).toordinal() + 1
        groups.append((first, last, birth_day))
    recent_day = (context.today - timedelta(days=stats.RECENT_DAYS)).toordinal()
    return StatsOptions(groups, recent_day, stats.MAX_PLACES, stats.MAX_AREAS)
