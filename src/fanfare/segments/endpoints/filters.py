"""Calls on filters: stored searches, their counts and statistics."""

from datetime import datetime

from fanfare.audience import counting
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.web.endpoint import endpoint
from fanfare.search.criteria import Criteria
from fanfare.search.schemas.stats import FilterStats
from fanfare.segments.actions import counts, liveness
from fanfare.segments.actions import filters as actions
from fanfare.segments.queries import filters
from fanfare.segments.schemas.filters import (
    FanCount,
    Filter,
    FilterChanges,
    FilterListed,
    FilterSaved,
    FilterSearch,
    FilterWindow,
    NamedFilter,
    NewFilter,
    OneFilter,
)


@endpoint.get("/api/v1/crm/filters", scope="crm", key=SECRET)
async def crm_filters_list(db: Db, account: Account, query: FilterWindow) -> list[FilterListed]:
    """List the stored filters, the oldest first."""
    return await filters.filters_listed(db, account, query)


@endpoint.get("/api/v1/crm/filters/stats", scope="crm", key=SECRET)
async def crm_filter_stats(
    db: Db, account: Account, params: NamedFilter, now: datetime, delivery: Delivery
) -> FilterStats:
    """Return statistics of the fans a stored filter matches now: counts, demographics, places, activity, census."""
    return await counts.filter_stats(db, account, params.filter_name, now, delivery)


@endpoint.get("/api/v1/manage/filters/count", scope="manage", key=SECRET)
async def manage_filters_count(db: Db, account: Account, criteria: Criteria, now: datetime) -> FanCount:
    """Count the fans that criteria match now, without saving a filter."""
    return FanCount(await counting.fan_count(db, account, criteria, now))


@endpoint.get("/api/v1/manage/filters/stats", scope="manage", key=SECRET)
async def manage_filters_stats(db: Db, account: Account, criteria: Criteria, now: datetime) -> FilterStats:
    """Return statistics of the fans that criteria match now, as for a stored filter, without saving one."""
    return await counting.criteria_stats(db, account, criteria, now)


@endpoint.post("/api/v1/manage/filters", scope="manage", key=SECRET, references=actions.criteria_references)
async def manage_filters_create(db: Db, account: Account, new: NewFilter, now: datetime) -> FilterSaved:
    """Store a search as a filter; its criteria are the parameters of the fan search.

    `fan_incl_segments` and `fan_excl_segments` may name other filters. What they name must exist (422), and no filter
    may contain itself. 409 when the name is taken.
    """
    return FilterSaved(await actions.create_filter(db, account, new, now))


@endpoint.get("/api/v1/manage/filters/{filter_uid}", scope="manage", key=SECRET)
async def manage_filters_get(db: Db, account: Account, target: OneFilter) -> Filter:
    """Return a filter with its criteria."""
    return await filters.filter_by_uid(db, account.id, target.filter_uid)


@endpoint.post("/api/v1/manage/filters/{filter_uid}", scope="manage", key=SECRET)
async def manage_filters_update(db: Db, account: Account, changes: FilterChanges, now: datetime) -> FilterSaved:
    """Change the name or the group of a filter, or whether its members are kept live; its criteria stay as they are."""
    return FilterSaved(await actions.change_filter(db, account, changes, now))


@endpoint.post(
    "/api/v1/manage/filters/{filter_uid}/criteria", scope="manage", key=SECRET, references=actions.criteria_references
)
async def manage_filters_criteria(db: Db, account: Account, query: FilterSearch, now: datetime) -> FilterSaved:
    """Replace the criteria of a filter."""
    return FilterSaved(await actions.change_criteria(db, account, query, now))


@endpoint.post("/api/v1/manage/filters/{filter_uid}/rebuild", scope="manage", key=SECRET)
async def manage_filters_rebuild(db: Db, account: Account, target: OneFilter) -> bool:
    """Evaluate an active filter over all fans again, in the background; 404 for a filter that is not kept live."""
    await liveness.rebuild(db, account.id, target.filter_uid)
    return True


@endpoint.delete("/api/v1/manage/filters/{filter_uid}", scope="manage", key=SECRET)
async def manage_filters_delete(db: Db, account: Account, target: OneFilter, now: datetime) -> bool:
    """Delete a filter; 409 while another filter refers to it."""
    await actions.delete_filter(db, account.id, target.filter_uid, now)
    return True
