"""What the slots of criteria offer while somebody types."""

from fanfare.console.criteria.parameters import parameters
from fanfare.console.criteria.values import label_of
from fanfare.console.schemas.fans import ChoicesQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.page import View, Visit
from fanfare.search.criteria.tickets import OF_ALL_BUSINESSES
from fanfare.search.queries.choices import choices
from fanfare.staff.schemas.members import Member


@manage.get("/fans/choices", area="fans")
async def criteria_choices(db: Db, member: Member, visit: Visit, query: ChoicesQuery) -> View:
    """Show the names of records that contain what was typed, as options of a list."""
    parameter = parameters().get(query.parameter)
    if parameter is None or parameter.references is None:
        raise Unknown
    typed = [values[-1] for name, values in (visit.query or {}).items() if name.endswith(parameter.wire_name)]
    text = str(typed[-1]) if typed else ""
    # Whoever works for some businesses may type what they know.
    is_closed = member.is_limited and not OF_ALL_BUSINESSES.isdisjoint(parameter.references.forms)
    records = [] if is_closed else await choices(db, member.account.id, parameter.references, text)
    entries = [label_of(each, parameter, visit.language) for each in records]
    return View("console/templates/fans/choices.html", {"entries": entries})
