"""All kinds, by name."""

from fanfare.imports.actions.kinds.kind import Kind
from fanfare.imports.actions.kinds.people import FANS
from fanfare.kernel.errors import BadParameters

KINDS = {each.name: each for each in (FANS,)}


def kind_of(name: str) -> Kind:
    """Return a kind; BadParameters (422) if there is none of this name."""
    if name not in KINDS:
        raise BadParameters([("kind", f"must be one of {', '.join(KINDS)}")])
    return KINDS[name]
