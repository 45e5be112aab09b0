"""HTTP endpoints of trackers and their events."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, RecordsPage
from fanfare.kernel.web.endpoint import endpoint
from fanfare.trackers.actions import trackers as actions
from fanfare.trackers.queries import days, events, trackers
from fanfare.trackers.schemas.events import EventMeta, EventQuery, TrackerEvent
from fanfare.trackers.schemas.trackers import (
    NewTracker,
    OneTracker,
    Tracker,
    TrackerChanges,
    TrackerDay,
    TrackerQuery,
    TrackerSaved,
    TrackersQuery,
)


@endpoint.get("/api/v1/trackers", scope="misc", key=SECRET)
async def trackers_list(db: Db, account: Account, query: TrackersQuery, now: datetime) -> ArrayPage[Tracker]:
    """Return the 500 newest trackers with their clicks and attributed sales, of the last 31 days by default."""
    return await trackers.trackers(db, account, query, now)


@endpoint.get("/api/v1/trackers/events", scope="misc", key=SECRET)
async def trackers_events_list(db: Db, account: Account, query: EventQuery) -> RecordsPage[EventMeta, TrackerEvent]:
    """Return the sales that trackers caught in a range of time, in pages of 500.

    Send `meta.cursor` back for the next page. It is always there, so that a client can read later what is added.
    """
    return await events.events(db, account.id, query)


@endpoint.get("/api/v1/trackers/{tracker_id}", scope="misc", key=SECRET)
async def trackers_get(db: Db, account: Account, query: TrackerQuery, now: datetime) -> Tracker:
    """Return one tracker with its figures, of the last 31 days by default."""
    return await trackers.tracker(db, account, query, now)


@endpoint.get("/api/v1/manage/trackers/{tracker_id}/days", scope="manage", key=SECRET)
async def manage_tracker_days_list(db: Db, account: Account, query: TrackerQuery, now: datetime) -> list[TrackerDay]:
    """Return the clicks by verdict and the attributed sales of a tracker by day, of the last 31 days by default."""
    return await days.tracker_days(db, account, query, now)


@endpoint.post("/api/v1/trackers", scope="misc", key=SECRET, references=actions.references)
async def trackers_create(db: Db, account: Account, new: NewTracker, now: datetime) -> TrackerSaved:
    """Create a tracker, whose link is `/trk/{tracker_key}` on its domain. A key is generated when none is sent.

    409 for a key that a tracker of the domain has already.
    """
    return await actions.create_tracker(db, account.id, new, now)


@endpoint.post("/api/v1/manage/trackers/{tracker_id}", scope="manage", key=SECRET, references=actions.references)
async def manage_trackers_update(db: Db, account: Account, changes: TrackerChanges, now: datetime) -> bool:
    """Change fields of a tracker. Its link, domain and key, stays; `expiration_timestamp` in the past ends it."""
    await actions.change_tracker(db, account.id, changes, now)
    return True


@endpoint.delete("/api/v1/manage/trackers/{tracker_id}", scope="manage", key=SECRET)
async def manage_trackers_delete(db: Db, account: Account, target: OneTracker, now: datetime) -> bool:
    """Delete a tracker with its clicks and figures. Sales stay, and belong to no tracker."""
    await actions.delete_tracker(db, account.id, target.tracker_id, now)
    return True
