"""One fan: who, reach and consents, the timeline of everything, tickets, points, segments and why."""

from datetime import datetime

from fanfare.console.queries.fan import fan_profile, fan_timeline
from fanfare.console.queries.fans_shown import shown_fan
from fanfare.console.queries.why import reasons
from fanfare.console.schemas.fan import FanFilter, ProfileQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import View, Visit
from fanfare.profiles.queries.finding import lookalikes
from fanfare.segments.schemas.segments import OneMember
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fan"


@manage.get("/fans/{fan_id}", area="fans")
async def fan(db: Db, member: Member, visit: Visit, query: ProfileQuery, now: datetime) -> View:
    """Show a fan; the id of a merged one leads to who remains."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    may_merge = member.may("fans", "write") and not member.is_limited
    likely = await lookalikes(db, member.account.id, query.fan_id) if may_merge else []
    values = {
        "fan": subject,
        "lookalikes": member.mask("fans").record(likely),
        "may_merge": may_merge,
        "profile": await fan_profile(db, member, subject, now),
        "timeline": await fan_timeline(db, member, query, now),
    }
    return View(f"{TEMPLATES}/fan.html", values)


@manage.get("/fans/{fan_id}/timeline", area="fans")
async def timeline(db: Db, member: Member, visit: Visit, query: ProfileQuery, now: datetime) -> View:
    """Show one page of the timeline alone, from a moment on."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    return View(f"{TEMPLATES}/timeline.html", {"fan": subject, "timeline": await fan_timeline(db, member, query, now)})


@manage.get("/fans/{fan_id}/filters/{filter_uid}", area="fans")
async def why(db: Db, member: Member, visit: Visit, query: FanFilter, now: datetime) -> View:
    """Show why a fan is in a live segment or not, criterion by criterion."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    target = OneMember(fan_id=query.fan_id, segment_type="filter", segment_id=str(query.filter_uid))
    is_member, parts = await reasons(db, member, visit.language, target, now)
    return View(f"{TEMPLATES}/why.html", {"fan": subject, "is_member": is_member, "reasons": parts})
