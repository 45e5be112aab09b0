"""Shapes of calls as forms: the calls and their fields."""

from typing import Literal

import msgspec

# How a field is shown and what is sent of it: one value, a list (one a line), names with values (one a line), JSON.
Kind = Literal["text", "number", "flag", "choice", "date", "long", "list", "pairs", "json", "file", "secret"]
Where = Literal["path", "query", "header", "body"]


class CallField(msgspec.Struct, frozen=True):
    """A parameter of a call; `sample` is an example to type over."""

    name: str
    where: Where
    kind: Kind
    description: str = ""
    is_required: bool = False
    # whether the items of a list, or the value, are numbers
    is_number: bool = False
    is_nullable: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: str = ""
    sample: str = ""


class ApiCall(msgspec.Struct, frozen=True):
    """A call of the API."""

    call_id: str
    method: str
    path: str
    scope: str
    summary: str
    description: str
    fields: tuple[CallField, ...]

    @property
    def is_read(self) -> bool:
        """Whether a key that only reads may make the call."""
        return self.method == "GET"

    @property
    def first_fields(self) -> tuple[CallField, ...]:
        """The fields that are shown at once: those that are needed, and the first others."""
        needed = tuple(each for each in self.fields if each.is_required)
        others = tuple(each for each in self.fields if not each.is_required and each.where != "header")
        return (*needed, *others[: max(MAX_FIRST - len(needed), 0)])

    @property
    def other_fields(self) -> tuple[CallField, ...]:
        """The fields that are behind a line to open."""
        first = set(self.first_fields)
        return tuple(each for each in self.fields if each not in first)


MAX_FIRST = 8


class CallGroup(msgspec.Struct, frozen=True):
    """The calls of a scope and of a noun below it."""

    scope: str
    meaning: str
    calls: tuple[ApiCall, ...]
