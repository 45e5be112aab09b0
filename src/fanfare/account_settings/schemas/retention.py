"""Shapes of how long things are kept."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.retention import CHANGES, CLICKS, DELIVERIES, MESSAGES
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, IntegerForm

# The fewest days: what follows the change log, and what sales of clicks are credited by, needs some. Bounces and
# complaints come days after a message, and are about one that is there.
FEWEST: Mapping[str, int] = {CHANGES: 7, DELIVERIES: 1, MESSAGES: 14, CLICKS: 6}
Kind = Annotated[str, ChoiceForm(*FEWEST)]
Days = Annotated[int, IntegerForm(1, 36_500)]


class RetentionPeriod(msgspec.Struct):
    """How long a kind of thing is kept, in days; null: until it is deleted.

    chosen_by says who sets it: `account` (server_days is the longest, account_days what was chosen), `operator`,
    `thing` (each stream, schedule or erasure setting has its own), or nobody.
    """

    retention_kind: str
    chosen_by: str
    days: float | None
    server_days: float | None
    account_days: int | None
    fewest_days: int | None


class RetentionChanges(Params):
    """How long the account keeps a kind of thing; without days as long as the operator says."""

    retention_kind: Annotated[Kind, "What is kept; of clicks what they tell of people."]
    retention_days: Annotated[Days | None, "Days; at most those of the operator."] = None

    example: ClassVar[Mapping[str, object]] = {"retention_kind": "messages", "retention_days": 30}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - pairs
        """Yield an error for fewer days than work."""
        fewest = FEWEST.get(values.get("retention_kind") or "", 1)
        if (values.get("retention_days") or fewest) < fewest:
            yield "retention_days", f"must be {fewest} or more"


class RetentionPreview(msgspec.Struct):
    """How many rows go in the next night if a kind is kept for these days; is_more: more than were counted."""

    retention_kind: str
    retention_days: int | None
    row_count: int
    is_more: bool
