"""Partial updates: set the columns that were sent and no others.

    COLUMNS = Columns(BusinessChanges, key=("business_id",), empty={"media_map": {}})
    CHANGE = f\"\"\"
        update businesses as b
        set {COLUMNS.assignments("b", "$3")}, updated_at = $4
        where b.account_id = $1 and b.business_id = $2
    \"\"\"
    fields = COLUMNS.sent(changes)
    await db.execute(CHANGE, account_id, changes.business_id, COLUMNS.record(fields), now)

The statement is the same whatever was sent, and the other columns are read from the row being updated: concurrent
changes of different fields are all kept.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from fanfare.kernel.parameters import Params, slots


def sent_fields(changes: Params) -> dict[str, Any]:
    """Return the fields that were sent, with None for a field to be cleared.

    In a field whose type includes UnsetType, an empty value means "clear"; in any other it means "not sent".
    """
    fields = {slot.name: (getattr(changes, slot.name), slot.clears) for slot in slots(type(changes))}
    return {name: value for name, (value, clears) in fields.items() if value is not (msgspec.UNSET if clears else None)}


def assignments(columns: Collection[str], row: str, record: str) -> str:
    """Return the `set` clause that sets the columns present in the record (a jsonb argument) and keeps the others.

    `row` is the alias of the updated table.
    """
    names = ", ".join(columns)
    return f"({names}) = (select {names} from jsonb_populate_record({row}, {record}))"  # noqa: S608 - columns


class Columns:
    """The columns that the fields of a struct are written to."""

    def __init__(
        self,
        struct: type[Params],
        *,
        key: Collection[str] = (),
        other_tables: Collection[str] = (),
        names: Mapping[str, str] | None = None,
        empty: Mapping[str, object] | None = None,
    ) -> None:
        """`key` fields identify the row, fields `other_tables` are written to other tables.

        `names` maps fields to columns whose name differs; `empty` has the value of a cleared column where it is not
        null.
        """
        self._key = frozenset(key)
        self._empty = empty or {}
        fields = [name for name in struct.__struct_fields__ if name not in {*key, *other_tables}]
        self.by_field = {name: (names or {}).get(name, name) for name in fields}

    def __str__(self) -> str:
        """Return the column list for a statement."""
        return ", ".join(self.by_field.values())

    def assignments(self, row: str, record: str) -> str:
        """Return the `set` clause that sets the columns present in the record and keeps the others."""
        return assignments(self.by_field.values(), row, record)

    def sent_fields(self, changes: Params) -> dict[str, Any]:
        """Return the fields that were sent, without the key but with those that are written elsewhere."""
        return {name: value for name, value in sent_fields(changes).items() if name not in self._key}

    def record(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values by column."""
        return {
            column: self._empty.get(name) if fields[name] is None else fields[name]
            for name, column in self.by_field.items()
            if name in fields
        }

    def changed_fields(self, old: str, record: str) -> str:
        """Return an SQL array of the names of the fields in which a record differs from an old row."""
        fields = ", ".join(f"('{name}', '{column}')" for name, column in self.by_field.items())
        return f"""array(
            select field.name
            from (values {fields}) as field (name, column_name)
            cross join to_jsonb({old}) as before
            cross join to_jsonb(jsonb_populate_record({old}, {record})) as after
            where before -> field.column_name <> after -> field.column_name)"""  # noqa: S608 - columns
