"""How long things are kept, and what of places is loaded."""

from datetime import datetime

from fanfare.account_settings.actions.retention import save_retention
from fanfare.account_settings.queries.retention import retention_periods, retention_preview
from fanfare.account_settings.schemas.retention import RetentionChanges
from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.schemas.settings import RetentionQuery
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.places.loads import place_lists
from fanfare.staff.schemas.members import Member


@manage.get("/settings/retention", area="settings")
async def retention(db: Db, member: Member, query: RetentionQuery, now: datetime) -> View:
    """Show how long each kind of thing is kept, and how many rows would go by the days that were asked for."""
    preview = None
    if query.retention_kind and query.retention_days:
        changes = RetentionChanges(retention_kind=query.retention_kind, retention_days=query.retention_days)
        preview = await retention_preview(db, member.account.id, changes, now)
    return setting("retention", member, {"periods": await retention_periods(db, member.account.id), "preview": preview})


@manage.post("/settings/retention", area="settings", needs_proof=True)
async def retention_update(db: Db, member: Member, visit: Visit, form: RetentionChanges, now: datetime) -> Redirect:
    """Change how long a kind of thing is kept."""
    await save_retention(db, member.account.id, form, now)
    flash(visit, "The time is changed; what is older goes in the next night.")
    return Redirect(path_of("retention", member))


@manage.get("/settings/places", area="settings")
async def places(db: Db, member: Member) -> View:
    """Show which lists of places are loaded."""
    return setting("places", member, {"places": await place_lists(db)})
