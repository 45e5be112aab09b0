"""The fields of a row: which columns fill them, and how the texts of cells are read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from fanfare.imports.readers.dialects import Dialect, plain
from fanfare.imports.readers.presets import PRESETS
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import Params, Raw, RequestContext, Slot, read, slots
from fanfare.kernel.wire import BoundForm, DayForm, MomentForm

BYTES_UNREADABLE = "contains bytes that the encoding of the file does not have"
REPLACEMENT = "\ufffd"
MOMENT = "consent_timestamp"


class Fields(msgspec.Struct, frozen=True):
    """The fields of `params` but for those in `excluded`. `names` are other names of columns.

    Those in `unsuggested` are never suggested for a column: they must be chosen.
    """

    params: type[Params]
    excluded: frozenset[str] = frozenset()
    names: Mapping[str, str] = {}
    unsuggested: frozenset[str] = frozenset()

    def slot(self, field: str) -> Slot | None:
        """Return the slot that a field fills, None if there is none."""
        by_name, prefixes = _slots(self.params)
        if field in self.excluded:
            return None
        return by_name.get(field) or next(
            (slot for prefix, slot in prefixes if field.startswith(prefix) and field != prefix), None
        )

    def listing(self) -> list[str]:
        """Return the names of all fields; a prefix has an asterisk."""
        by_name, prefixes = _slots(self.params)
        names = [name for name in by_name if not name.endswith("[]") and name not in self.excluded]
        return [*names, *(f"{prefix}*" for prefix, _ in prefixes)]

    def field_of(self, column: str) -> str | None:
        """Return the field that a column is likely to have, None for none."""
        if self.slot(column) is not None:
            return column if column not in self.unsuggested else None
        name = re.sub(r"[^a-z0-9]+", "_", fold(column)).strip("_")
        candidate = self.names.get(name, name)
        return candidate if candidate not in self.unsuggested and self.slot(candidate) is not None else None


@cache
def _slots(params: type[Params]) -> tuple[dict[str, Slot], list[tuple[str, Slot]]]:
    by_name = {name: slot for slot in slots(params) for name in slot.wire_names}
    return by_name, [(slot.prefix, slot) for slot in slots(params) if slot.prefix]


class Plan(msgspec.Struct, frozen=True):
    """The column and slot of each field, and the fields that every row has."""

    fields: Fields
    columns: dict[str, tuple[str, Slot]]
    constants: dict[str, Any]

    def check_dates(self, dialect: Mapping[str, Any]) -> None:
        """Raise BadParameters (422) if a column has dates and their order is not known."""
        has_dates = any(isinstance(slot.form, DayForm | MomentForm | BoundForm) for _, slot in self.columns.values())
        if has_dates and dialect.get("date_order") is None:
            raise BadParameters([("date_order", "is needed: day and month cannot be told apart")])

    def values(self, cells: Mapping[str, Any], dialect: Dialect) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Return the fields of a row as they are read, and the errors of those that cannot be."""
        fields = dict(self.constants)
        errors: list[tuple[str, str]] = []
        cell_values = [(field, slot, cells.get(column)) for column, (field, slot) in self.columns.items()]
        consents = list(self._consents(cells, dialect))
        if consents:
            # The words of a product have its time or none: that of a column is not theirs.
            cell_values = [each for each in cell_values if each[0] != MOMENT]
            fields.pop(MOMENT, None)
        for field, slot, value in [*cell_values, *consents]:
            if value is None or value == "":
                continue
            try:
                fields[field] = readable(plain(value, slot.form, dialect)) if isinstance(value, str) else value
            except ValueError as error:
                errors.append((field, str(error)))
        return fields, errors

    def _consents(self, cells: Mapping[str, Any], dialect: Dialect) -> Iterator[tuple[str, Slot, str]]:
        """Yield the consents that the product of the file wrote into a row; a no of it counts in any case."""
        preset = PRESETS.get(dialect.preset or "")
        fields = {field for field, _ in self.columns.values()} | self.constants.keys()
        for field, value in (preset.consents(cells) if preset else {}).items():
            slot = self.fields.slot(field)
            if slot is not None and (field not in fields or value == "false" or field == MOMENT):
                yield field, slot, value

    def params(self, fields: Mapping[str, Any], errors: Sequence[tuple[str, str]], context: RequestContext) -> Params:
        """Return the struct of a row; BadParameters names every wrong field, `errors` among them."""
        raw: Raw = {name: [value] for name, value in fields.items()}
        try:
            params = read(self.fields.params, raw)
        except BadParameters as wrong:
            wrong.add(errors)
            wrong.add(self.fields.params.account_faults(wrong.values, context))
            raise
        if errors:
            raise BadParameters(errors)
        return params


def readable(text: str) -> str:
    """Return a text of a cell; ValueError if it has bytes that could not be decoded."""
    if REPLACEMENT in text:
        raise ValueError(BYTES_UNREADABLE)
    return text


def check_plan(fields: Fields, mapping: Mapping[str, str | None], constants: Mapping[str, Any]) -> Plan:
    """Return the plan; BadParameters (422) names unknown fields, and those with two sources."""
    columns: dict[str, tuple[str, Slot]] = {}
    errors: list[tuple[str, str]] = []
    names: set[str] = set()
    for column, field in mapping.items():
        if field is None:
            continue
        slot = fields.slot(field)
        if slot is None:
            errors.append(("mapping", f"{field[:100]!r} is not a field of these rows"))
        elif field in names:
            errors.append(("mapping", f"two columns are mapped to {field}"))
        else:
            columns[column] = field, slot
            names.add(field)
    errors += [
        ("values", f"{name[:100]!r} is not a field of these rows") for name in constants if not fields.slot(name)
    ]
    errors += [("values", f"{name[:100]!r} has a column as well") for name in constants if name in names]
    if any(not isinstance(value, str | int | float) for value in constants.values()):
        errors.append(("values", "must have a text, a number or a flag for each field"))
    if errors:
        raise BadParameters(errors[:20])
    return Plan(fields, columns, dict(constants))
