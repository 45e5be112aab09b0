"""A search that is saved as a filter, which keeps its members from then on."""

from datetime import datetime

from fanfare.console.criteria.names import refuse_names
from fanfare.console.pages.fans.search import builder_of, count_values, with_query
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.search.criteria.segments import in_filter
from fanfare.segments.actions.filters import create_filter
from fanfare.segments.schemas.filters import NewFilter
from fanfare.staff.schemas.members import Member


@manage.get("/fans/save", area="segments", right="write", is_account_wide=True)
async def fans_save(db: Db, member: Member, visit: Visit, now: datetime) -> View:
    """Ask for the name of a filter with the criteria of the URL."""
    values = await count_values(db, member, await builder_of(db, member, visit), now, is_counted=True)
    return View("console/templates/fans/save.html", values)


@manage.post("/fans/save", area="segments", is_account_wide=True)
async def fans_save_send(db: Db, member: Member, visit: Visit, form: NewFilter, now: datetime) -> Redirect:
    """Save the filter, and show its fans by the filter's name."""
    refuse_names(member, form)
    filter_uid = await create_filter(db, member.account, form, now)
    flash(visit, "The filter %(name)s is saved. Its fans are kept up to date.", {"name": form.filter_name})
    path = f"/manage/{member.account.id}/fans"
    return Redirect(with_query(path, [(f"{name}[]", each) for name, each in in_filter(filter_uid).items()]))
