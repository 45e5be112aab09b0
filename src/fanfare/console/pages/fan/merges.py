"""Merges: find the other fan, compare, merge; the list of merges, and undoing one."""

from datetime import datetime

from fanfare.console.pages.fan.changes import fan_url
from fanfare.console.queries.fans_shown import current_fan_id, shown_fan
from fanfare.console.schemas.fan import MergePair, MergeSearch
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.fans.actions.merging import merge_fans, unmerge_fans
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.fans.queries.merges import merges
from fanfare.fans.schemas.merges import MergeOther, MergeWindow
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.profiles.queries.comparison import comparison, unmerge_preview
from fanfare.profiles.queries.finding import find_fans, lookalikes
from fanfare.profiles.schemas import CompareFans, OneMerge
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fan"
SOURCE = "manage centre"
ROWS = 50


@manage.get("/fans/{fan_id}/merge", area="fans", right="write", is_account_wide=True)
async def fan_merge_search(db: Db, member: Member, visit: Visit, query: MergeSearch) -> View:
    """Find the fan to compare with: those who may be the same person, or by what is typed."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    likely = await lookalikes(db, member.account.id, query.fan_id)
    mask = member.mask("fans")
    # What is found by a name or contact would tell whose it is.
    may_find = query.text and (not mask.is_on or query.text.isdigit())
    hits = await find_fans(db, member.account, query.text or "", is_by_id_alone=mask.is_on) if may_find else []
    values = {
        "fan": subject,
        "text": query.text or "",
        "lookalikes": mask.record(likely),
        "hits": mask.record([each for each in hits if each.fan_id != query.fan_id]),
    }
    return View(f"{TEMPLATES}/merge_search.html", values)


@manage.get("/fans/{fan_id}/merge/{merged_fan_id}", area="fans", right="write", is_account_wide=True)
async def fan_merge_compare(db: Db, member: Member, visit: Visit, query: MergePair) -> View:
    """Show two fans side by side, and what a merge would leave, in numbers."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    pair = CompareFans(fan_id=query.fan_id, merged_fan_id=await current_fan_id(db, member, query.merged_fan_id))
    if pair.fan_id == pair.merged_fan_id:
        raise BadParameters([("merged_fan_id", "must be another fan")])
    compared = await comparison(db, member.account.id, pair)
    return View(f"{TEMPLATES}/compare.html", {"fan": subject, "comparison": member.mask("fans").record(compared)})


@manage.post("/fans/{fan_id}/merge/{merged_fan_id}", area="fans", is_account_wide=True)
async def fan_merge(db: Db, member: Member, visit: Visit, form: MergePair, now: datetime) -> Redirect:
    """Merge the two fans."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    change = MergeOther(fan_id=fan_id, merged_fan_id=form.merged_fan_id)
    merge = await merge_fans(db, member.account.id, change, now, source=SOURCE)
    flash(visit, "Fan %(fan_id)s is merged into this one.", {"fan_id": str(merge.merged_fan_id)})
    return Redirect(fan_url(member, merge.fan_id))


@manage.get("/fans/{fan_id}/merges", area="fans")
async def fan_merges(db: Db, member: Member, visit: Visit, query: MergeWindow) -> View:
    """Show the merges into a fan, undone ones too."""
    subject = await shown_fan(db, member, visit, query.fan_id or 0)
    query = MergeWindow(fan_id=query.fan_id, max_merge_id=query.max_merge_id, limit=ROWS)
    return View(f"{TEMPLATES}/merges.html", {"fan": subject, "page": await merges(db, member.account.id, query)})


@manage.get("/merges", area="fans", is_account_wide=True)
async def merge_list(db: Db, member: Member, query: MergeWindow) -> View:
    """Show the merges of the account, the newest first."""
    query = MergeWindow(max_merge_id=query.max_merge_id, limit=ROWS)
    page = await merges(db, member.account.id, query)
    fans = await fans_by_ids(db, member.account.id, list({each.fan_id for each in page.data}))
    mask = member.mask("fans")
    names = {each.fan_id: mask.name(each.name) or mask.email(each.email) for each in fans}
    return View(f"{TEMPLATES}/merge_list.html", {"page": page, "names": names})


@manage.get("/fans/{fan_id}/merges/{merged_fan_id}", area="fans", right="write", is_account_wide=True)
async def fan_unmerge_preview(db: Db, member: Member, visit: Visit, query: OneMerge) -> View:
    """Show what undoing a merge would do, in numbers."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    preview = await unmerge_preview(db, member.account.id, query)
    return View(f"{TEMPLATES}/unmerge.html", {"fan": subject, "preview": member.mask("fans").record(preview)})


@manage.post("/fans/{fan_id}/merges/{merged_fan_id}", area="fans", is_account_wide=True)
async def fan_unmerge(db: Db, member: Member, visit: Visit, form: OneMerge, now: datetime) -> Redirect:
    """Undo a merge."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    change = MergeOther(fan_id=fan_id, merged_fan_id=form.merged_fan_id)
    await unmerge_fans(db, member.account.id, change, now)
    flash(visit, "The merge is undone: fan %(fan_id)s is back.", {"fan_id": str(form.merged_fan_id)})
    return Redirect(fan_url(member, fan_id))
