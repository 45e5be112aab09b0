"""Calls on segments of all kinds, and on snapshots."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.search.schemas.stats import SegmentStatus
from fanfare.segments.actions import counts, reading, snapshots
from fanfare.segments.queries import days, overlap, overview, past, segments, why
from fanfare.segments.schemas.figures import (
    FilterDays,
    Overlap,
    OverlapQuery,
    Referrer,
    SegmentDay,
    SegmentListed,
    SegmentQuery,
)
from fanfare.segments.schemas.filters import NewSnapshot, OneSnapshot, SnapshotName, SnapshotRenamed, SnapshotSaved
from fanfare.segments.schemas.segments import (
    OneMember,
    OneSegment,
    PastMember,
    PastMembers,
    PastMeta,
    Segment,
    SegmentFan,
    SegmentMeta,
    SegmentReading,
    Why,
)


@endpoint.get("/api/v1/segments", scope="segments", key=SECRET)
async def segments_list(db: Db, account: Account) -> list[Segment]:
    """List the segments, each with its number of fans.

    Tags, snapshots (frozen lists) and filters (stored searches) are segments.
    """
    return await segments.segments(db, account.id)


@endpoint.get("/api/v1/segments/{segment_type}/{segment_id}", scope="segments", key=SECRET)
async def segments_status(
    db: Db, account: Account, target: OneSegment, now: datetime, delivery: Delivery
) -> SegmentStatus:
    """Count the fans of a segment, and those reachable by email and by text message.

    A filter is evaluated again. 404 for an unknown segment.
    """
    return await counts.segment_status(db, account, target, now, delivery)


@endpoint.get("/api/v1/segments/{segment_type}/{segment_id}/fans", scope="segments", key=SECRET)
async def segments_fans(
    db: Db, account: Account, query: SegmentReading, now: datetime, delivery: Delivery
) -> Page[SegmentMeta, SegmentFan]:
    """Page through the fans of a segment, up to 10,000 per page, ordered by fan id.

    The result is fixed when the reading starts and kept for 24 hours. Send `meta.search_uid` back, the same value each
    time, while there is one: the server keeps the position. Or follow `meta.next_search_uid`, which does not change
    that position and may be requested again. With `limit=0` the result is fixed and no row sent.
    """
    return await reading.segment_fans(db, account, query, now, delivery)


@endpoint.get("/api/v1/manage/segments/{segment_type}/{segment_id}/fans/{fan_id}", scope="manage", key=SECRET)
async def manage_segments_why(db: Db, account: Account, target: OneMember, now: datetime) -> Why:
    """Explain why a fan is in a segment or not: each criterion with its result and the value it checked."""
    return await why.why(db, account, target, now)


@endpoint.get("/api/v1/manage/filters/{filter_uid}/members", scope="manage", key=SECRET)
async def manage_filters_members(
    db: Db, account: Account, query: PastMembers, now: datetime
) -> Page[PastMeta, PastMember]:
    """List the members of an active filter at the end of a past day, in the order of the fans' ids.

    History begins with the filter's first build. Fans deleted since are left out.
    """
    return await past.past_members(db, account, query, now)


@endpoint.get("/api/v1/manage/filters/{filter_uid}/days", scope="manage", key=SECRET)
async def manage_filters_days(db: Db, account: Account, query: FilterDays, now: datetime) -> list[SegmentDay]:
    """List the last days of an active filter, oldest first: members, and who entered and left.

    History begins with the filter's first build. What a build of new criteria changed is counted by itself.
    """
    return await days.filter_days(db, account, query, now)


@endpoint.get("/api/v1/manage/segments", scope="manage", key=SECRET)
async def manage_segments_list(db: Db, account: Account, query: SegmentQuery, now: datetime) -> list[SegmentListed]:
    """List the segments with their sizes, and by how much live filters changed over the last days."""
    return await overview.segments_listed(db, account, query, now)


@endpoint.get("/api/v1/manage/segments/overlap", scope="manage", key=SECRET)
async def manage_segments_overlap(db: Db, account: Account, query: OverlapQuery, now: datetime) -> Overlap:
    """Compare two to five segments: how many fans are in each combination of them and in no other of them."""
    return await overlap.overlap(db, account, query, now)


@endpoint.get("/api/v1/manage/segments/{segment_type}/{segment_id}/filters", scope="manage", key=SECRET)
async def manage_segments_filters_list(db: Db, account: Account, target: OneSegment) -> list[Referrer]:
    """List the filters whose criteria refer to a segment: while there are any, it cannot be deleted."""
    return await overview.referrers(db, account, target)


@endpoint.post("/api/v1/manage/snapshots", scope="manage", key=SECRET, takes_turn=True)
async def manage_snapshots_create(db: Db, account: Account, new: NewSnapshot, now: datetime) -> SnapshotSaved:
    """Freeze a list of fans: those a filter matches now, the result of a search, or fans by id."""
    return await snapshots.create_snapshot(db, account, new, now)


@endpoint.post("/api/v1/manage/snapshots/{snapshot_uid}", scope="manage", key=SECRET)
async def manage_snapshots_update(db: Db, account: Account, changes: SnapshotName, now: datetime) -> SnapshotRenamed:
    """Rename a frozen list; its fans stay as they are. 409 when the name is taken."""
    return SnapshotRenamed(await snapshots.rename_snapshot(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/snapshots/{snapshot_uid}", scope="manage", key=SECRET)
async def manage_snapshots_delete(db: Db, account: Account, target: OneSnapshot, now: datetime) -> bool:
    """Delete a frozen list; 409 while a filter refers to it."""
    await snapshots.delete_snapshot(db, account.id, target.snapshot_uid, now)
    return True
