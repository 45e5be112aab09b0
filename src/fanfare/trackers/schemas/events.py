"""Shapes of tracker events: sales."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from fanfare.kernel.data.paging import Meta, NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import BoundMoment, Flag, LimitForm, Text

PAGE = 500


class EventQuery(Params, kw_only=True):
    """Filters for tracker events, oldest first."""

    start_timestamp: Annotated[BoundMoment, "Window start."]
    end_timestamp: Annotated[BoundMoment, "Window end, not included."]
    purchase_event_name: Annotated[Text | None, "Only this purchase event."] = None
    is_clicked: Annotated[Flag | None, "Only events with (true) or without (false) a tracker click."] = None
    limit: Annotated[Annotated[int, LimitForm(PAGE)], "Maximum number of rows to return."] = PAGE
    cursor: NextCursor = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a window that ends before it starts."""
        start, end = values.get("start_timestamp"), values.get("end_timestamp")
        if isinstance(start, datetime) and isinstance(end, datetime) and end < start:
            yield "end_timestamp", "must not be before start_timestamp"


class TrackerEvent(msgspec.Struct, kw_only=True):
    """A sale: reported by the pixel, or a purchase line or ticket of a fan who had clicked.

    tracker_id is the tracker that it belongs to, with is_clicked by a click, otherwise by the name of the event. The
    timestamp is in unix seconds.
    """

    tracker_event_uid: uuid.UUID
    creation_timestamp: int
    purchase_amount: Decimal
    is_clicked: bool
    tracker_id: int | None
    fan_id: int | None
    activity_id: int | None
    ip_address: str | None
    device_type: str | None
    province: str | None
    country_code: str | None
    purchase_event_name: str | None
    host_name: str | None
    ticket_id: int | None
    order_key: str | None
    purchase_key: str | None
    quantity: int
    purchase_event_details: dict[str, Any] | None
    currency: str
    url_param_props: dict[str, Any] | None
    event_source: str


class EventMeta(Meta, kw_only=True):
    """The page size, and the cursor of the next page: always there, also to read what is added later."""

    page_size: int
    cursor: str | None
