"""What is done with a segment: another name, live or not, a snapshot of it, an export, its end."""

import uuid
from datetime import datetime

from fanfare.console.schemas.segments import Liveness, NewFreeze, SegmentName
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash, flash_count
from fanfare.exports.actions.exports import create_export
from fanfare.exports.schemas.exports import NewExport
from fanfare.fans.actions import tags
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.pages.page import Redirect, Visit
from fanfare.segments.actions import filters, liveness, snapshots
from fanfare.segments.actions.reading import segment_fans
from fanfare.segments.queries.segments import segment_name
from fanfare.segments.schemas.filters import FilterChanges, NewSnapshot, SnapshotName
from fanfare.segments.schemas.segments import OneSegment, SegmentReading
from fanfare.staff.schemas.members import Member


class NoFans(Conflict):
    """Nobody is in this segment now, so there is nothing to export"""


def url(member: Member, target: OneSegment | None = None) -> str:
    """Return the path of a segment, or of the list."""
    path = f"/manage/{member.account.id}/segments"
    return f"{path}/{target.segment_type}/{target.segment_id}" if target else path


def _uid(target: OneSegment, *kinds: str) -> uuid.UUID:
    """Return the uid of a segment of one of some kinds; Unknown (404) for another."""
    try:
        if target.segment_type in kinds:
            return uuid.UUID(target.segment_id)
    except ValueError:
        pass
    raise Unknown(segment=target.segment_id[:40])


@manage.post("/segments/{segment_type}/{segment_id}/name", area="segments", is_account_wide=True)
async def segment_rename(db: Db, member: Member, visit: Visit, form: SegmentName, now: datetime) -> Redirect:
    """Give a filter or a snapshot another name, a filter another group."""
    uid = _uid(form, "filter", "snapshot")
    if form.segment_type == "filter":
        changes = FilterChanges(filter_uid=uid, filter_name=form.segment_name, group_name=form.group_name)
        await filters.change_filter(db, member.account, changes, now)
    else:
        changed_name = SnapshotName(snapshot_uid=uid, snapshot_name=form.segment_name)
        await snapshots.rename_snapshot(db, member.account.id, changed_name, now)
    flash(visit, "Saved.")
    return Redirect(url(member, form))


@manage.post("/segments/{segment_type}/{segment_id}/live", area="segments", is_account_wide=True)
async def segment_live(db: Db, member: Member, visit: Visit, form: Liveness, now: datetime) -> Redirect:
    """Begin or end keeping the members of a filter live."""
    changes = FilterChanges(filter_uid=_uid(form, "filter"), is_active=form.is_active)
    await filters.change_filter(db, member.account, changes, now)
    flash(visit, "The filter is live: its members are being found." if form.is_active else "The filter is not live.")
    return Redirect(url(member, form))


@manage.post("/segments/{segment_type}/{segment_id}/rebuild", area="segments", is_account_wide=True)
async def segment_rebuild(db: Db, member: Member, visit: Visit, form: OneSegment) -> Redirect:
    """Evaluate a live filter over all fans again."""
    await liveness.rebuild(db, member.account.id, _uid(form, "filter"))
    flash(visit, "The members are being found again.")
    return Redirect(url(member, form))


@manage.post("/segments/{segment_type}/{segment_id}/snapshot", area="segments", takes_turn=True)
async def segment_freeze(db: Db, member: Member, visit: Visit, form: NewFreeze, now: datetime) -> Redirect:
    """Freeze the fans whom a filter matches now under a name."""
    new = NewSnapshot(snapshot_name=form.snapshot_name, filter_uid=_uid(form, "filter"))
    member.require_all_businesses()
    frozen = await snapshots.create_snapshot(db, member.account, new, now)
    flash_count(visit, ("%(count)s fan is frozen.", "%(count)s fans are frozen."), frozen.fan_count)
    return Redirect(url(member, OneSegment(segment_type="snapshot", segment_id=str(frozen.snapshot_uid))))


@manage.post(
    "/segments/{segment_type}/{segment_id}/export", area="segments", right="export", needs_proof=True, takes_turn=True
)
async def segment_export(db: Db, member: Member, visit: Visit, form: OneSegment, now: datetime) -> Redirect:
    """Export the fans of a segment as a file, which a worker writes."""
    name = await segment_name(db, member.account.id, form)
    member.require_all_businesses()
    member.require("segments", "personal")
    reading = SegmentReading(segment_type=form.segment_type, segment_id=form.segment_id, limit=0)
    page = await segment_fans(db, member.account, reading, now, Delivery(db, has_body=True))
    # Without a search an export has all fans.
    if page.meta.search_uid is None:
        raise NoFans
    await create_export(db, member.account, NewExport(table="fans", search_uid=page.meta.search_uid, name=name), now)
    flash(visit, "The export of “%(name)s” is being written.", {"name": name})
    return Redirect(url(member, form))


@manage.post("/segments/{segment_type}/{segment_id}/delete", area="segments")
async def segment_delete(db: Db, member: Member, visit: Visit, form: OneSegment, now: datetime) -> Redirect:
    """Delete a segment; refused while a filter refers to it."""
    name = await segment_name(db, member.account.id, form)
    member.require_all_businesses()
    if form.segment_type == "tag":
        await tags.delete_tag(db, member.account.id, int(form.segment_id), now)
    elif form.segment_type == "snapshot":
        await snapshots.delete_snapshot(db, member.account.id, _uid(form, "snapshot"), now)
    else:
        await filters.delete_filter(db, member.account.id, _uid(form, "filter"), now)
    flash(visit, "“%(name)s” is deleted.", {"name": name})
    return Redirect(f"{url(member)}?kind={form.segment_type}")
