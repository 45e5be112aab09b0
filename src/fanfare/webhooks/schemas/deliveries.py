"""Shapes of deliveries."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.paging import Meta, NextCursor, ReadingOrder
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Id, LimitForm, Moment, Uuid

ROWS = 50
MAX_ROWS = 500
STATES = ("waiting", "delivered", "failed")


class DeliveryQuery(Params):
    """Which deliveries of an endpoint."""

    webhook_uid: Annotated[Uuid, "Endpoint by its uid."]
    state: Annotated[str | None, ChoiceForm(*STATES), "Only deliveries in this state."] = None
    order: ReadingOrder = "desc"
    cursor: NextCursor = None
    limit: Annotated[int | None, LimitForm(MAX_ROWS), f"Maximum number of rows, at most {MAX_ROWS}."] = None


class WebhookDelivery(msgspec.Struct):
    """A delivery. Timestamps are unix seconds.

    state: `waiting` (for its first or next try, at next_timestamp), `delivered`, `failed` (given up). message_id is its
    `webhook-id`. request_body is null once its change was deleted from the log. response_body is the beginning of what
    the endpoint answered last, failure says why there was no answer.
    """

    delivery_id: int
    message_id: str
    topic: str
    state: str
    is_replay: bool
    try_count: int
    creation_timestamp: int
    try_timestamp: int | None
    next_timestamp: int | None
    request_body: str | None
    response_status: int | None
    response_body: str | None
    failure: str | None
    duration_ms: int | None


class DeliveryMeta(Meta):
    """How to read on, and the number of deliveries in this page."""

    next_cursor: str | None
    count: int


class ReplayWindow(Params):
    """What to deliver again."""

    webhook_uid: Annotated[Uuid, "Endpoint by its uid."]
    delivery_id: Annotated[Id | None, "One delivery."] = None
    min_timestamp: Annotated[Moment | None, "All matching changes from this moment on."] = None
    max_timestamp: Annotated[Moment | None, "Changes before this moment. Default: now."] = None
    after: Annotated[Id | None, "Go on where an earlier call ended: its `after`."] = None

    example: ClassVar[Mapping[str, object]] = {"min_timestamp": "2026-06-01T00:00:00Z"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse neither or both of one delivery and a range."""
        if (values.get("delivery_id") is None) == (values.get("min_timestamp") is None):
            yield "delivery_id", "is required, or min_timestamp, but not both"
        first: datetime | None = values.get("min_timestamp")
        last: datetime | None = values.get("max_timestamp")
        if first and last and first >= last:
            yield "max_timestamp", "must be after min_timestamp"


class Replayed(msgspec.Struct):
    """How many deliveries were written, and where to go on when there are more than one call takes."""

    count: int
    after: int | None


class TestSent(msgspec.Struct):
    """A test that is being sent, by its `webhook-id`."""

    message_id: str
