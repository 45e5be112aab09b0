"""Shapes of props."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import JsonForm, JsonObject, LimitForm, OuterKey, TextForm

MAX_BYTES = 16 * 1024
MAX_COUNTERS = 100
MAX_STEP = 1_000_000
ROWS = 500
COUNTER_NAME = TextForm(100, r"(?s).+", "must have counters with a name")


class IncrementForm(JsonForm):
    """A JSON object with the name of each counter and what is added to it."""

    def read(self, raw: object) -> dict[str, int]:
        """Return the number to add to each counter; ValueError for wrong names and numbers."""
        steps = super().read(raw)
        if len(steps) > MAX_COUNTERS:
            message = f"must have at most {MAX_COUNTERS} counters"
            raise ValueError(message)
        return {COUNTER_NAME.read(name): _step(step) for name, step in steps.items()}

    def schema(self) -> dict[str, object]:
        """Return the JSON schema."""
        step = {"type": "integer", "minimum": -MAX_STEP, "maximum": MAX_STEP}
        return {"type": "object", "additionalProperties": step, "maxProperties": MAX_COUNTERS}


def _step(step: object) -> int:
    if not isinstance(step, int) or isinstance(step, bool) or not -MAX_STEP <= step <= MAX_STEP:
        message = f"must have integers from -{MAX_STEP} to {MAX_STEP}"
        raise ValueError(message)
    return step


class OneProp(Params):
    """The name of a stored value."""

    prop_name: Annotated[OuterKey, "Name under which the value is stored."]


class NewProp(OneProp, kw_only=True):
    """A value to store, counters to increment, or neither to read what is stored."""

    props: Annotated[JsonObject | None, "JSON structure to store instead of what is there; at most 16 KiB."] = None
    increment: Annotated[
        Annotated[dict[str, int], IncrementForm()] | None,
        'Numbers to add to members of the stored object, such as {"yes": 1}. Nothing is lost however many callers'
        " vote at once.",
    ] = None  # fmt: skip

    example: ClassVar[Mapping[str, object]] = {"increment": {"okafor": 1}}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an object that is too large, with or without counters."""
        if (props := values.get("props")) and len(msgspec.json.encode(props)) > MAX_BYTES:
            yield "props", f"must be at most {MAX_BYTES} bytes of JSON"


class PropQuery(Params):
    """Which stored values."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class Prop(msgspec.Struct):
    """A stored value, with its counters added; moments in unix seconds."""

    prop_name: str
    account_id: int
    props: dict[str, Any]
    creation_timestamp: int
    last_update_timestamp: int
