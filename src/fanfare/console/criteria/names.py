"""Names of people in criteria: whoever sees no names looks for none, since what is found would tell whose it is."""

from fanfare.kernel.parameters import Params
from fanfare.search.criteria.uses import people_named
from fanfare.staff.schemas.members import Member, RoleForbids


def has_closed_names(member: Member, criteria: Params, area: str = "fans") -> bool:
    """Return whether criteria, also in groups, name people whom the person's role hides in the area."""
    return not member.may(area, "personal") and bool(people_named(criteria))


def refuse_names(member: Member, criteria: Params, area: str = "fans") -> None:
    """Raise RoleForbids (403) for criteria that name people whom the person's role hides in the area."""
    if has_closed_names(member, criteria, area):
        raise RoleForbids
