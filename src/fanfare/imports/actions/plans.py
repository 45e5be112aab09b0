"""The plan of an import: which column fills which field, and how its text is read."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.imports.actions.kinds import Kind
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.readers.dialects import Dialect, plain
from fanfare.imports.readers.rows import LINES, Piece, Row, csv_rows, header_of, json_rows
from fanfare.imports.schemas.imports import StoredImport
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Raw, RequestContext, Slot, read
from fanfare.kernel.wire import BoundForm, DayForm, MomentForm

BYTES_UNREADABLE = "contains bytes that the encoding of the file does not have"
REPLACEMENT = "\ufffd"


class Plan(msgspec.Struct, frozen=True):
    """The kind of the rows, the column and slot of each field, and the fields that every row has."""

    kind: Kind
    columns: dict[str, tuple[str, Slot]]
    constants: dict[str, Any]

    def check_dates(self, dialect: Mapping[str, Any]) -> None:
        """Raise BadParameters (422) if a column has dates and their order is not known."""
        has_dates = any(isinstance(slot.form, DayForm | MomentForm | BoundForm) for _, slot in self.columns.values())
        if has_dates and dialect.get("date_order") is None:
            raise BadParameters([("date_order", "is needed: day and month cannot be told apart")])


class Line(msgspec.Struct, frozen=True):
    """A row of a file as it is to be written: what the kind writes, or the faults."""

    row: Row
    raw: dict[str, Any]
    item: Any = None
    refusal: BadParameters | None = None


def check_plan(kind: Kind, mapping: Mapping[str, str | None], constants: Mapping[str, Any]) -> Plan:
    """Return the plan; BadParameters (422) names unknown fields, and those that have two columns."""
    columns: dict[str, tuple[str, Slot]] = {}
    errors: list[tuple[str, str]] = []
    fields: set[str] = set()
    for column, field in mapping.items():
        if field is None:
            continue
        slot = kind.slot(field)
        if slot is None:
            errors.append(("mapping", f"{kind.name} have no field {field[:100]!r}"))
        elif field in fields:
            errors.append(("mapping", f"two columns are mapped to {field}"))
        else:
            columns[column] = field, slot
            fields.add(field)
    errors += [("values", f"{kind.name} have no field {name[:100]!r}") for name in constants if not kind.slot(name)]
    if errors:
        raise BadParameters(errors[:20])
    return Plan(kind, columns, dict(constants))


def plan_of(stored: StoredImport) -> Plan:
    """Return the plan of an import."""
    return check_plan(kind_of(stored.kind), stored.mapping, stored.constants)


def rows_of(stored: StoredImport, piece: Piece) -> Iterator[Row]:
    """Yield the rows of a piece of the file of an import; the first piece has the header."""
    if stored.file_format == LINES:
        yield from json_rows(piece if piece.number else piece._replace(number=1))
        return
    dialect = msgspec.convert(stored.dialect, Dialect)
    if piece.offset == 0:
        _, begin = header_of(piece, dialect)
        piece = Piece(piece.data[begin:], begin, 2, piece.is_last)
    yield from csv_rows(piece, stored.columns, dialect)


def lines_of_piece(
    stored: StoredImport, plan: Plan, piece: Piece, limit: int, context: ImportContext
) -> tuple[list[Line], Row | None]:
    """Return the lines of the first rows of a piece that are not blank, and the last row of those that were read."""
    dialect = msgspec.convert(stored.dialect, Dialect)
    rows = list(islice(rows_of(stored, piece), limit))
    present = (row for row in rows if row.fault or any(value not in ("", None) for value in row.cells.values()))
    return [line_of(row, plan, dialect, context) for row in present], rows[-1] if rows else None


def line_of(row: Row, plan: Plan, dialect: Dialect, context: ImportContext) -> Line:
    """Return the line of a row."""
    if row.fault:
        return Line(row, {}, refusal=BadParameters([("", row.fault)]))
    raw: Raw = {name: [value] for name, value in plan.constants.items()}
    errors: list[tuple[str, str]] = []
    for column, (field, slot) in plan.columns.items():
        value = row.cells.get(column)
        if value is None or value == "":
            continue
        if isinstance(value, str):
            try:
                value = _readable(plain(value, slot.form, dialect))
            except ValueError as error:
                errors.append((field, str(error)))
                continue
        raw[field] = [value]
    fields = {name: values[0] for name, values in raw.items()}
    try:
        item = plan.kind.line(read(plan.kind.params, raw), context)
        if errors:
            raise BadParameters(errors)  # noqa: TRY301 - as what `read` raises
    except BadParameters as wrong:
        return Line(row, fields, refusal=_all_faults(wrong, errors, plan, context))
    return Line(row, fields, item)


def _readable(text: str) -> str:
    if REPLACEMENT in text:
        raise ValueError(BYTES_UNREADABLE)
    return text


def _all_faults(
    wrong: BadParameters, errors: Sequence[tuple[str, str]], plan: Plan, context: ImportContext
) -> BadParameters:
    fields = {field for field, _ in errors}
    result = BadParameters([*errors, *(each for each in wrong.errors if each[0] not in fields)], wrong.values)
    if wrong.values:
        request_context = RequestContext(context.account, context.now)
        result.add(plan.kind.params.account_faults(wrong.values, request_context))
    return result
