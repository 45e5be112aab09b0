"""The lines of an import: rows of its file as its kind writes them."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec

from fanfare.fans.actions.importing import ImportContext
from fanfare.imports.actions.kinds.catalogue import kind_of
from fanfare.imports.actions.kinds.kind import Kind
from fanfare.imports.readers.dialects import Dialect
from fanfare.imports.readers.rows import LINES, Piece, Row, csv_rows, header_of, json_rows
from fanfare.imports.schemas.cells import RowReader
from fanfare.imports.schemas.fields import Plan, check_plan
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, RequestContext, present_fields

LATE = "the member {!r} occurs first behind the begin of the file: map it to a field or to null"


class Line(msgspec.Struct, frozen=True):
    """A row of a file, and what the kind writes, or why it is refused."""

    row: Row
    item: Any = None
    refusal: BadParameters | None = None


def plan_of(current: CurrentImport) -> Plan:
    """Return the plan of an import."""
    return check_plan(kind_of(current.kind).fields, current.mapping, current.constants)


def rows_of(current: CurrentImport, piece: Piece) -> Iterator[Row]:
    """Yield the rows of a piece of the file of an import; the first piece has the header."""
    if current.file_format == LINES:
        names = frozenset(current.columns)
        for row in json_rows(piece if piece.number else piece._replace(number=1)):
            late = [name for name in row.cells if name not in names]
            yield row._replace(fault=LATE.format(late[0][:100])) if late else row
        return
    dialect = msgspec.convert(current.dialect, Dialect)
    if piece.offset == 0:
        _, begin = header_of(piece, dialect)
        piece = Piece(piece.data[begin:], begin, 2, piece.is_last)
    yield from csv_rows(piece, current.columns, dialect)


def lines_of_piece(
    current: CurrentImport, plan: Plan, piece: Piece, limit: int, context: ImportContext
) -> tuple[list[Line], Row | None]:
    """Return the lines of the first rows of a piece that are not blank, and the last row of those that were read."""
    kind, dialect = kind_of(current.kind), msgspec.convert(current.dialect, Dialect)
    rows = list(islice(rows_of(current, piece), limit))
    present = (row for row in rows if row.fault or not is_blank(row))
    reader = RowReader(plan, dialect)

    def params_of(row: Row) -> Params:
        if (params := reader.params(row.cells)) is not None:
            return params
        fields, errors = plan.values(row.cells, dialect)
        return plan.params(fields, errors, RequestContext(context.account, context.now))

    return [_line(row, kind, params_of, context) for row in present], rows[-1] if rows else None


def is_blank(row: Row) -> bool:
    """Return whether a row has no value in any column."""
    return all(value in ("", None) for value in row.cells.values())


def _line(row: Row, kind: Kind, params_of: Callable[[Row], Params], context: ImportContext) -> Line:
    if row.fault:
        return Line(row, refusal=BadParameters([("", row.fault)]))
    try:
        params = params_of(row)
        try:
            return Line(row, kind.line(params, context))
        except BadParameters as wrong:
            request_context = RequestContext(context.account, context.now)
            wrong.add(type(params).account_faults(present_fields(params), request_context))
            raise
    except BadParameters as wrong:
        return Line(row, refusal=wrong)
