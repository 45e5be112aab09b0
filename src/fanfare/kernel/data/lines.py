"""Lines of a batch: each is read by itself and all are written together, so a wrong line does not affect the others.

They are read together with the parameters; an action gets structs, and a WrongLine in place of a line that is invalid.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from fanfare.kernel.data.db import UNSTORABLE
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, RequestContext, Slot, present_fields, read, slots
from fanfare.kernel.typed_lines import typed_lines
from fanfare.kernel.wire import LineForm, LinesForm, decode_json

L = TypeVar("L")
P = TypeVar("P", bound=Params)
T = TypeVar("T")
NOT_AN_OBJECT = "must be a JSON object"


class FieldFault(msgspec.Struct):
    """An error in a field."""

    field: str
    message: str


class LineFault(msgspec.Struct):
    """What is wrong with a line of a batch: its place from 0, the faults as one text, and each wrong field.

    What is wrong with the line as such has the name of the batch's own field.
    """

    index: int
    error: str
    errors: list[FieldFault]


class LineResult(msgspec.Struct, kw_only=True):
    """What became of a line, where each is told of: of a wrong one the same as in a LineFault, else null and empty."""

    index: int
    error: str | None = None
    errors: list[FieldFault] = []


class WrongLine(msgspec.Struct, frozen=True):
    """An invalid line: the struct it was read into, and the errors."""

    struct: type[Params]
    refusal: BadParameters


class ItemForm(LineForm):
    """A line of a batch, an object or the JSON text of one, read into a struct; an invalid one becomes a WrongLine."""

    def __init__(self, struct: type[Params], batch_field: str, *, is_shown: bool = True) -> None:
        """`batch_field` is the parameter that contains the lines; with `is_shown` the API document lists the fields."""
        self.struct = struct
        self.batch_field = batch_field
        self.is_shown = is_shown

    def read_all(self, items: Sequence[object]) -> list[Params | WrongLine]:
        """Return the struct of each line, or a WrongLine; those whose fields have their types are read at once."""
        typed = typed_lines(self.struct)
        lines = typed.read(items) if typed else [None] * len(items)
        return [self.read(item) if line is None else line for item, line in zip(items, lines, strict=True)]

    def read(self, raw: object) -> Params | WrongLine:
        """Return the struct, or a WrongLine."""
        try:
            return self._line(raw)
        except BadParameters as wrong:
            return WrongLine(self.struct, wrong)

    def _line(self, raw: object) -> Params:
        if isinstance(raw, str):
            try:
                raw = decode_json(raw, NOT_AN_OBJECT)
            except ValueError as wrong:
                raise BadParameters([(self.batch_field, str(wrong))]) from None
        if not isinstance(raw, Mapping):
            raise BadParameters([(self.batch_field, NOT_AN_OBJECT)])
        return read(self.struct, {name: [value] for name, value in raw.items()})

    def schema(self) -> dict[str, object]:
        """Return the schema of the fields; an empty schema if a line may be JSON text as well as an object."""
        if not self.is_shown:
            return {}
        fields = slots(self.struct)
        return {
            "type": "object",
            "properties": {_name(slot): {**slot.form.schema(), "description": slot.description} for slot in fields},
            "required": [_name(slot) for slot in fields if slot.is_required],
        }


def _name(slot: Slot) -> str:
    return slot.wire_names[0]


def lines_of(struct: type[Params], limit: int, batch_field: str, *, is_shown: bool = True) -> LinesForm:
    """Return the form of a batch of at most `limit` lines, each with the fields of a struct."""
    return LinesForm(limit, ItemForm(struct, batch_field, is_shown=is_shown))


def unstorable_line(batch_field: str) -> BadParameters:
    """Return the error of a line that PostgreSQL cannot store."""
    return BadParameters([(batch_field, "contains a value that cannot be stored")])


def line_fault(index: int, wrong: BadParameters) -> LineFault:
    """Return the fault of a line from its error; `index` counts from 0."""
    return LineFault(index, wrong.detail, [FieldFault(field, message) for field, message in wrong.errors])


def check_lines(
    lines: Sequence[P | WrongLine], make: Callable[[int, P], T], context: RequestContext
) -> tuple[list[T], list[LineFault]]:
    """Return the results of `make(index, line)`, and the faults of the invalid lines.

    `make` raises BadParameters for what the struct alone cannot check.
    """
    items: list[T] = []
    faults: list[LineFault] = []
    for index, line in enumerate(lines):
        try:
            if isinstance(line, WrongLine):
                raise line.refusal
            items.append(make(index, line))
        except BadParameters as wrong:
            struct, fields = (
                (line.struct, wrong.values) if isinstance(line, WrongLine) else (type(line), present_fields(line))
            )
            wrong.add(struct.account_faults(fields, context))
            faults.append(line_fault(index, wrong))
    return items, faults


async def write_lines(lines: Sequence[L], write: Callable[[Sequence[L]], Awaitable[Any]]) -> list[L]:
    """Write lines together and return those that PostgreSQL cannot store, found by writing each half separately.

    If `write` fails it must leave nothing behind.
    """
    try:
        if lines:
            await write(lines)
    except UNSTORABLE:
        if len(lines) == 1:
            return list(lines)
        middle = len(lines) // 2
        return [*await write_lines(lines[:middle], write), *await write_lines(lines[middle:], write)]
    return []
