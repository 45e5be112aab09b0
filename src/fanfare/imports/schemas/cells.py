"""Reads the rows of a batch: what a text in a column means is read once, since most columns have few texts.

Only rows without a fault are read here; what is wrong with the others is found by their Plan.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import UNSET

from fanfare.imports.readers.dialects import Dialect, plain
from fanfare.imports.schemas.fields import Plan, readable
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, Slot, read_one, slots
from fanfare.kernel.wire import size_fault

# Types of values that rows can share.
SCALARS = frozenset({str, bool, int, float, date, datetime, Decimal, UUID})


class _Column(NamedTuple):
    """A column: its field, the slot, the key of a wildcard, and the values of the texts that were read."""

    name: str
    field: str
    slot: Slot
    key: str | None
    values: dict[str, Any]


class RowReader:
    """Reads rows into the struct of a plan."""

    def __init__(self, plan: Plan, dialect: Dialect) -> None:
        self._dialect = dialect
        self._struct = plan.fields.params
        self._columns = [_column(name, field, slot) for name, (field, slot) in plan.columns.items()]
        self._required = {slot.name for slot in slots(self._struct) if slot.is_required}
        self._wildcards = [each.slot.name for each in self._columns if each.key is not None]
        self._constants: dict[str, Any] | None = _constants(plan)
        names = [each.slot.name for each in self._columns if each.key is None]
        # Two names of one field, and products with words of their own, are left to the plan.
        self._is_plain = not dialect.preset and len(names) == len(set(names))

    def params(self, cells: Mapping[str, Any]) -> Params | None:
        """Return the struct of a row, None if it cannot be read here or anything is wrong with it."""
        if self._constants is None or not self._is_plain:
            return None
        fields = {**self._constants}
        try:
            for column in self._columns:
                cell = cells.get(column.name)
                if cell is None or cell == "":
                    continue
                value = column.values.get(cell) if type(cell) is str else None
                if value is None:
                    value = self._value(column, cell)
                if column.key is not None:
                    fields.setdefault(column.slot.name, {})[column.key] = value
                elif value is not UNSET:
                    fields[column.slot.name] = value
        except (ValueError, BadParameters):
            return None
        return self._struct(**fields) if self._is_right(fields) else None

    def _value(self, column: _Column, cell: object) -> object:
        text = readable(plain(cell, column.slot.form, self._dialect)) if isinstance(cell, str) else cell
        value = read_one(column.slot, column.field, text)
        if isinstance(cell, str) and type(value) in SCALARS:
            column.values[cell] = value
        return value

    def _is_right(self, fields: dict[str, Any]) -> bool:
        """Return whether a row has what it needs and no faults across its fields."""
        if not fields.keys() >= self._required or any(size_fault(fields.get(name)) for name in self._wildcards):
            return False
        return next(self._struct.faults(fields), None) is None


def _column(name: str, field: str, slot: Slot) -> _Column:
    return _Column(name, field, slot, field.removeprefix(slot.prefix) if slot.prefix else None, {})


def _constants(plan: Plan) -> dict[str, Any] | None:
    """Return the values that every row has, None if rows cannot share them or one is wrong."""
    fields: dict[str, Any] = {}
    for field, text in plan.constants.items():
        slot = plan.fields.slot(field)
        try:
            value = read_one(slot, field, text) if slot and not slot.prefix and text != "" else None
        except BadParameters:
            return None
        if slot is None or type(value) not in SCALARS or slot.name in fields:
            return None
        fields[slot.name] = value
    return fields if not fields.keys() & {slot.name for _, slot in plan.columns.values()} else None
