"""Something done with many fans: the picked ones, or all who meet the criteria of the URL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fanfare.console.criteria.builder import Builder, prose
from fanfare.console.criteria.names import refuse_names
from fanfare.console.pages.fans.search import builder_of, status_of, with_query
from fanfare.console.schemas.fans import FanActionQuery, FanJobForm
from fanfare.console.shell.access import manage
from fanfare.fan_jobs.actions.fan_jobs import create_fan_job
from fanfare.fan_jobs.schemas import AWARD, ERASE, EXPORT, SNAPSHOT, NewFanJob
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.points.queries.points import points
from fanfare.staff.schemas.members import Member

ACTION, EXPORTING, ERASURE = "/fans/action", "/fans/export", "/fans/erasure"
PATHS: Mapping[str, str] = {EXPORT: EXPORTING, ERASE: ERASURE}
NAME_MISSING = "Type the name of the account as it is written above."


def _require(member: Member, action: str | None) -> None:
    """Raise RoleForbids (403) for an action that needs a right in another area too."""
    if action == AWARD:
        member.require("points", "write")
    if action == SNAPSHOT:
        member.require("segments", "write")
    if action == EXPORT:
        member.require("fans", "personal")


async def _action_view(
    db: Db, member: Member, visit: Visit, query: FanActionQuery, now: datetime, *, path: str
) -> View | Redirect:
    """Ask for what an action needs, and say with how many fans it is done; first by an address that says with whom."""
    builder = await builder_of(db, member, visit)
    source = _source(builder, query)
    action = query.action or ""
    root = f"/manage/{member.account.id}"
    ways = (bool(query.fan_ids), bool(builder.pairs), query.is_everyone)
    if query.is_found or sum(ways) != 1 or PATHS.get(action, ACTION) != path:
        pairs = [("action", action), *source] if action else source
        return Redirect(with_query(root + PATHS.get(action, ACTION), pairs))
    _require(member, action)
    count = await _count(db, member, builder, query, now)
    values: dict[str, Any] = {
        "action": action,
        "builder": builder,
        "prose": prose(builder),
        "count": count,
        "is_picked": bool(query.fan_ids),
        "points": [each for each in await points(db, member.account.id) if each.is_active] if action == AWARD else [],
        "source_query": urlencode(source),
    }
    return View("console/templates/fans/action.html", values)


def _source(builder: Builder, query: FanActionQuery) -> list[tuple[str, str]]:
    """Return the parameters of a job that say with whom."""
    if query.fan_ids and not query.is_found:
        return [("fan_ids[]", str(each)) for each in query.fan_ids]
    return builder.used_pairs or [("is_everyone", "true")]


async def _count(db: Db, member: Member, builder: Builder, query: FanActionQuery, now: datetime) -> int | None:
    """Return the number of fans; None for criteria that cannot be evaluated."""
    if query.fan_ids:
        return len(await fans_by_ids(db, member.account.id, query.fan_ids))
    status = await status_of(db, member, builder.criteria, now)
    return status.fan_count if status else None


async def _start(db: Db, member: Member, form: FanJobForm, now: datetime) -> Redirect:
    _require(member, form.action)
    refuse_names(member, form)
    new = NewFanJob(**{name: getattr(form, name) for name in NewFanJob.__struct_fields__})
    created = await create_fan_job(db, member.account, new, now)
    return Redirect(f"/manage/{member.account.id}/fan_jobs/{created.fan_job_uid}")


@manage.get(ACTION, area="fans", right="write", is_account_wide=True)
async def fans_action(db: Db, member: Member, visit: Visit, query: FanActionQuery, now: datetime) -> View | Redirect:
    """Ask what to do with the fans: tag, untag, award points, freeze."""
    return await _action_view(db, member, visit, query, now, path=ACTION)


@manage.post(ACTION, area="fans", is_account_wide=True)
async def fans_action_start(db: Db, member: Member, form: FanJobForm, now: datetime) -> Redirect:
    """Start the action."""
    if form.action in PATHS:
        # They ask for more than this page does.
        return Redirect(f"/manage/{member.account.id}{PATHS[form.action]}")
    return await _start(db, member, form, now)


@manage.get(EXPORTING, area="fans", right="export", needs_proof=True, is_account_wide=True, is_question=True)
async def fans_export(db: Db, member: Member, visit: Visit, query: FanActionQuery, now: datetime) -> View | Redirect:
    """Show what an export of the fans has."""
    query.action = EXPORT
    return await _action_view(db, member, visit, query, now, path=EXPORTING)


@manage.post(EXPORTING, area="fans", right="export", needs_proof=True, is_account_wide=True)
async def fans_export_start(db: Db, member: Member, form: FanJobForm, now: datetime) -> Redirect:
    """Start the export."""
    form.action = "export"
    return await _start(db, member, form, now)


@manage.get(ERASURE, area="fans", right="write", needs_proof=True, is_account_wide=True)
async def fans_erasure(db: Db, member: Member, visit: Visit, query: FanActionQuery, now: datetime) -> View | Redirect:
    """Show whom an erasure erases, in numbers, and ask for the name of the account."""
    query.action = ERASE
    return await _action_view(db, member, visit, query, now, path=ERASURE)


@manage.post(ERASURE, area="fans", needs_proof=True, is_account_wide=True)
async def fans_erasure_start(db: Db, member: Member, form: FanJobForm, now: datetime) -> Redirect:
    """Start the erasure."""
    form.action = "erase"
    if form.fan_count is None or form.confirmation != member.account.name:
        raise BadParameters([("confirmation", NAME_MISSING)])
    return await _start(db, member, form, now)
