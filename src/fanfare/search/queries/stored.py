"""Criteria in the form in which filters store them: JSON objects with the values that differ from the defaults."""

import msgspec

from fanfare.kernel.errors import BadParameters, TooLarge
from fanfare.search.criteria import Criteria

# A search reads up to 100 filters.
MAX_BYTES = 100_000


def to_stored(criteria: Criteria) -> dict[str, object]:
    """Return criteria in the stored form."""
    defaults = msgspec.to_builtins(Criteria())
    values = {name: getattr(criteria, name) for name in Criteria.__struct_fields__}
    return {name: value for name, value in msgspec.to_builtins(values).items() if value != defaults[name]}


def storable(criteria: Criteria) -> dict[str, object]:
    """Return criteria in the stored form; TooLarge (413) if they are too long to be read with many others."""
    values = to_stored(criteria)
    if len(msgspec.json.encode(values)) > MAX_BYTES:
        message = f"the criteria of a filter take at most {MAX_BYTES} bytes"
        raise TooLarge(message)
    return values


class UnreadableCriteria(BadParameters):
    """The stored criteria cannot be read"""

    def __init__(self) -> None:
        """Report the error under `criteria`, as a filter calls it."""
        super().__init__([("criteria", "cannot be read as they are stored")])


def criteria_in(raw: object) -> Criteria:
    """Return criteria from the stored form; BadParameters (422) when `raw` is not in that form."""
    try:
        return msgspec.convert(raw, Criteria)
    except msgspec.ValidationError:
        raise UnreadableCriteria from None
