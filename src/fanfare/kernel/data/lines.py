"""Lines of a batch: read one by one and written together, so that what is wrong with one stops no other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from fanfare.kernel.data.db import MISFITS
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, read
from fanfare.kernel.wire import decoded_json

L = TypeVar("L")
P = TypeVar("P", bound=Params)
NO_OBJECT = "must be a JSON object"
MISFIT = BadParameters([("", "contains a value that cannot be stored")])


class FieldFault(msgspec.Struct):
    """What is wrong with a field."""

    field: str
    message: str


class LineFault(msgspec.Struct):
    """What is wrong with a line of a batch: its place from 0, each wrong field, and the same as one text."""

    index: int
    error: str
    errors: list[FieldFault]


def field_faults(wrong: BadParameters) -> list[FieldFault]:
    """Return what a refusal says of each field."""
    return [FieldFault(field, message) for field, message in wrong.errors]


def line_fault(index: int, wrong: BadParameters) -> LineFault:
    """Return what a refusal says of the line at a place."""
    return LineFault(index, wrong.detail, field_faults(wrong))


def read_line(struct: type[P], line: object) -> P:
    """Return a line, an object or the JSON text of one, or refuse it naming every wrong field."""
    if isinstance(line, str):
        try:
            line = decoded_json(line, NO_OBJECT)
        except ValueError as wrong:
            raise BadParameters([("", str(wrong))]) from None
    if not isinstance(line, Mapping):
        raise BadParameters([("", NO_OBJECT)])
    return read(struct, {name: [value] for name, value in line.items()})


async def write_lines(lines: Sequence[L], write: Callable[[Sequence[L]], Awaitable[Any]]) -> list[L]:
    """Write lines together and return those that PostgreSQL has no room for: then it is tried with each half.

    `write` must leave nothing when it fails.
    """
    try:
        if lines:
            await write(lines)
    except MISFITS:
        if len(lines) == 1:
            return list(lines)
        middle = len(lines) // 2
        return [*await write_lines(lines[:middle], write), *await write_lines(lines[middle:], write)]
    return []
