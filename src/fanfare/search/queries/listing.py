"""A page of the fans who meet criteria, without a stored search: its place is the id of the last fan."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.queries import fans
from fanfare.search.queries.conditions import checked_context, compose
from fanfare.search.queries.estimates import LARGE_SEARCH, SMALL_SAMPLE, estimate
from fanfare.search.schemas.search import FanSearch, FoundFan


class ListedFans(msgspec.Struct, frozen=True):
    """Fans in the order asked for, and the id behind which the next page begins; None on the last."""

    fans: list[FoundFan]
    last_fan_id: int | None


class ListWindow(msgspec.Struct, frozen=True):
    """Which page: the newest or the oldest first, behind a fan, how many; with the last campaign of each or not."""

    is_newest_first: bool
    last_fan_id: int | None
    limit: int
    has_campaigns: bool = False


async def fans_listed(
    db: Db,
    account: Account,
    criteria: Criteria,
    window: ListWindow,
    now: datetime,
    business_ids: Sequence[int] | None = None,
) -> ListedFans:
    """Return a page of the fans who meet criteria now; BadParameters (422) if they cannot be evaluated.

    With `business_ids` only fans of these businesses.
    """
    async with db.heavy_turn(), db.transaction("repeatable_read") as tx:
        # As for the first page of a search: planned for its own values, without workers that take long to start.
        await tx.execute(
            "select set_config('plan_cache_mode', 'force_custom_plan', true),"
            " set_config('max_parallel_workers_per_gather', '0', true)"
        )
        context = await checked_context(tx, account, criteria, now, business_ids)
        where = await compose(account.id, criteria, await _with_quick_limit(tx, account.id, criteria, context))
        if window.is_newest_first:
            ids = await fans.newest_ids(tx, where, window.limit + 1, window.last_fan_id)
        else:
            sql, args = fans.statement(where, window.limit + 1, window.last_fan_id)
            ids = [row["fan_id"] for row in await tx.rows(sql, *args)]
        query = FanSearch(include_recent_entry=window.has_campaigns)
        rows = await fans.rows(tx, account.id, ids[: window.limit], query)
    has_more = len(ids) > window.limit
    return ListedFans(_in_order(rows, ids), ids[window.limit - 1] if has_more else None)


async def _with_quick_limit(db: Db, account_id: int, criteria: Criteria, context: Context) -> Context:
    """Return the context with the quicker way to find a page: fans are looked up one by one where many are found."""
    if context.business_ids is None:
        return context
    guess = await estimate(db, account_id, criteria, context, SMALL_SAMPLE)
    is_rare = guess is not None and guess.candidate_count > LARGE_SEARCH and guess.status.fan_count == 0
    return msgspec.structs.replace(context, reads_businesses_first=is_rare)


def _in_order(rows: Sequence[FoundFan], ids: Sequence[int]) -> list[FoundFan]:
    places = {fan_id: place for place, fan_id in enumerate(ids)}
    return sorted(rows, key=lambda each: places[each.fan_id])
