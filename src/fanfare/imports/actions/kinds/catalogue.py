"""All kinds, by name."""

from fanfare.imports.actions.kinds.activities import ACTIVITIES
from fanfare.imports.actions.kinds.awards import POINTS
from fanfare.imports.actions.kinds.consents import CONSENTS
from fanfare.imports.actions.kinds.kind import Kind
from fanfare.imports.actions.kinds.people import FANS
from fanfare.imports.actions.kinds.purchases import PURCHASES
from fanfare.imports.actions.kinds.registrations import REGISTRATIONS
from fanfare.imports.actions.kinds.suppressions import SUPPRESSIONS
from fanfare.imports.actions.kinds.tickets import TICKETS
from fanfare.kernel.errors import BadParameters

CATALOGUE = (FANS, CONSENTS, ACTIVITIES, TICKETS, PURCHASES, POINTS, REGISTRATIONS, SUPPRESSIONS)
KINDS = {each.name: each for each in CATALOGUE}


def kind_of(name: str) -> Kind:
    """Return a kind; BadParameters (422) if there is none of this name."""
    if name not in KINDS:
        raise BadParameters([("kind", f"must be one of {', '.join(KINDS)}")])
    return KINDS[name]
