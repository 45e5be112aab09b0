"""HTTP endpoints of performances and schedules."""

from datetime import datetime

from fanfare.kernel.callers import PUBLIC, SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.performances.actions import performances as actions
from fanfare.performances.actions import schedules
from fanfare.performances.queries import managed
from fanfare.performances.queries import performances as queries
from fanfare.performances.schemas.managed import ManagedPerformance, ManagedPerformanceQuery
from fanfare.performances.schemas.performances import (
    FanEvent,
    FanEventSaved,
    FanPerformance,
    FanPerformanceSaved,
    NewPerformance,
    OnePerformance,
    Performance,
    PerformanceChanges,
    PerformanceSaved,
    Schedule,
    ScheduleQuery,
)


@endpoint.get("/api/v1/performances", scope="misc", key=SECRET)
async def performances_list(db: Db, account: Account) -> list[Performance]:
    """List all performances (shows, games) of the account by day."""
    return await queries.performances(db, account.id)


@endpoint.get("/api/v1/manage/performances", scope="manage", key=SECRET)
async def manage_performances_list(
    db: Db, account: Account, query: ManagedPerformanceQuery
) -> list[ManagedPerformance]:
    """List performances by day, with the numbers of quests and rewards and of the fans who have them on a schedule."""
    return await managed.managed_performances(db, account.id, query)


@endpoint.post("/api/v1/performances", scope="misc", key=PUBLIC, references=actions.references)
async def performances_create(db: Db, account: Account, new: NewPerformance, now: datetime) -> PerformanceSaved:
    """Create a performance.

    The only performance call that works without the secret. Without it, 403 for an address the account has banned.
    """
    return PerformanceSaved(await actions.create_performance(db, account.id, new, now))


@endpoint.get("/api/v1/performances/{performance_uid}", scope="misc", key=SECRET)
async def performances_get(db: Db, account: Account, target: OnePerformance) -> Performance:
    """Return one performance by its uid."""
    return await queries.performance(db, account.id, target.performance_uid)


@endpoint.post("/api/v1/performances/{performance_uid}", scope="misc", key=SECRET, references=actions.references)
async def performances_update(db: Db, account: Account, changes: PerformanceChanges, now: datetime) -> PerformanceSaved:
    """Change a performance; name and date are always required; other fields left out stay as they are."""
    return PerformanceSaved(await actions.change_performance(db, account.id, changes, now))


@endpoint.delete("/api/v1/performances/{performance_uid}", scope="misc", key=SECRET)
async def performances_delete(db: Db, account: Account, target: OnePerformance, now: datetime) -> bool:
    """Delete a performance; it is removed from every schedule."""
    await actions.delete_performance(db, account.id, target.performance_uid, now)
    return True


@endpoint.get("/api/v1/crm/fans/{fan_id}/events", scope="crm", key=SECRET)
async def crm_fan_events_list(db: Db, account: Account, query: ScheduleQuery) -> Schedule:
    """List the idol events and performances a fan has put on their schedule, as two arrays."""
    return await queries.schedule(db, account.id, query)


@endpoint.post("/api/v1/crm/fans/{fan_id}/events", scope="crm", key=SECRET)
async def crm_fan_events_add(db: Db, account: Account, change: FanEvent, now: datetime) -> FanEventSaved:
    """Put an idol event on a fan's schedule."""
    await schedules.add(db, account.id, change.fan_id, schedules.EVENTS, change.event_uid, now)
    return FanEventSaved(change.fan_id, change.event_uid)


@endpoint.delete("/api/v1/crm/fans/{fan_id}/events", scope="crm", key=SECRET)
async def crm_fan_events_delete(db: Db, account: Account, change: FanEvent, now: datetime) -> bool:
    """Take an idol event off a fan's schedule."""
    await schedules.remove(db, account.id, change.fan_id, schedules.EVENTS, change.event_uid, now)
    return True


@endpoint.post("/api/v1/crm/fans/{fan_id}/performances", scope="crm", key=SECRET)
async def crm_fan_performances_add(
    db: Db, account: Account, change: FanPerformance, now: datetime
) -> FanPerformanceSaved:
    """Link a fan to a performance."""
    await schedules.add(db, account.id, change.fan_id, schedules.PERFORMANCES, change.performance_uid, now)
    return FanPerformanceSaved(change.fan_id, change.performance_uid)


@endpoint.delete("/api/v1/crm/fans/{fan_id}/performances", scope="crm", key=SECRET)
async def crm_fan_performances_delete(db: Db, account: Account, change: FanPerformance, now: datetime) -> bool:
    """Unlink a fan from a performance."""
    await schedules.remove(db, account.id, change.fan_id, schedules.PERFORMANCES, change.performance_uid, now)
    return True
