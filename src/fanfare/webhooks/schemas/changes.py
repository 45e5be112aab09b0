"""Shapes of the change feed."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

from fanfare.kernel.data.changes import Change
from fanfare.kernel.errors import Conflict
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Form, Instant, IntegerForm, LimitForm, unix, word_of
from fanfare.webhooks.schemas.topic_patterns import TopicPatterns, pattern_faults

ROWS = 100
MAX_ROWS = 1000
MAX_WAIT_SECONDS = 30
# In place of a position: after the newest change.
LATEST = -1


class AfterForm(Form):
    """A position, or the word `latest`."""

    pattern = re.compile(r"[0-9]{1,18}")
    word = "latest"

    def read(self, raw: object) -> int:
        """Return the position, or LATEST."""
        text = word_of(raw)
        if text == self.word:
            return LATEST
        if not self.pattern.fullmatch(text):
            message = "must be the position of a change, or latest"
            raise ValueError(message)
        return int(text)

    def schema(self) -> dict[str, object]:
        """Return both forms."""
        return {"type": "string", "pattern": f"^(?:{self.pattern.pattern}|{self.word})$", "examples": ["1042"]}


class ChangeQuery(Params):
    """Which changes to read."""

    after: Annotated[
        int | None,
        AfterForm(),
        "Position of the last change that was read, or latest for changes from now on; left out, the log is read from"
        " its beginning. A client of server-sent events continues with its Last-Event-ID.",
    ] = None
    limit: Annotated[int | None, LimitForm(MAX_ROWS), f"Maximum number of changes, at most {MAX_ROWS}."] = None
    topics: Annotated[
        TopicPatterns | None,
        "Only these topics: their names, or patterns such as fan.* or *.deleted. Default: all.",
    ] = None
    wait: Annotated[
        int | None,
        IntegerForm(0, MAX_WAIT_SECONDS),
        f"Seconds to wait for a change when there is none, at most {MAX_WAIT_SECONDS}. Default: 0.",
    ] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse patterns that match no topic."""
        yield from pattern_faults(values.get("topics") or ())


class LoggedChange(msgspec.Struct):
    """A change, as docs/topics.md lists them by topic.

    `subject_id` is the id of what changed, as text; `fan_id` the fan whom it concerns, if any. `data` has what the
    topic says, and is empty for a fan who was erased since. After a merge, `merged_into` is the fan who stays.
    """

    position: int
    topic: str
    subject_id: str
    fan_id: int | None
    merged_into: int | None
    timestamp: int
    timestamp_iso: Instant
    data: dict[str, Any]


def logged(change: Change) -> LoggedChange:
    """Return a change as it is answered."""
    return LoggedChange(
        position=change.position,
        topic=change.topic,
        subject_id=change.subject_id,
        fan_id=change.fan_id,
        merged_into=change.data.get("into_fan_id"),
        timestamp=unix(change.occurred_at),
        timestamp_iso=change.occurred_at,
        data=change.data,
    )


class ChangesTrimmed(Conflict):
    """Changes after this position were deleted from the log because of their age"""

    def __init__(self, trimmed: int) -> None:
        """`trimmed` is the position of the last deleted change."""
        self.first_position = trimmed + 1
        super().__init__(
            f"changes after this position were deleted because of their age; the first position still there is"
            f" {self.first_position}: read the records again, then continue with after={trimmed}"
        )

    def problem(self) -> dict[str, object]:
        """Return the members of the response, with the first position that is still there."""
        return {**super().problem(), "first_position": self.first_position}
