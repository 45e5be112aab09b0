"""Criteria in the form in which filters store them: JSON objects with the values that differ from the defaults."""

import msgspec

from fanfare.kernel.errors import BadParameters, TooLarge
from fanfare.kernel.parameters import Params
from fanfare.search.criteria import Criteria

# A search reads up to 100 filters.
MAX_BYTES = 100_000


def to_stored(criteria: Criteria) -> dict[str, object]:
    """Return criteria in the stored form."""
    return {name: value for name, value in set_values(criteria).items() if name in Criteria.__struct_fields__}


def set_values(criteria: Params) -> dict[str, object]:
    """Return the parameters that differ from the defaults, as JSON."""
    fields = [(each.name, getattr(criteria, each.name), each.default) for each in msgspec.structs.fields(criteria)]
    return {name: _as_json(value) for name, value, default in fields if value != default}


def _as_json(value: object) -> object:
    if isinstance(value, list) and value and isinstance(value[0], Params):
        return [set_values(each) for each in value]
    return msgspec.to_builtins(value)


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
