"""Shapes of boards over all time, and of awards with why each was made."""

import uuid
from typing import Annotated

import msgspec

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, Uuid
from fanfare.points.schemas.points import Places, Rows


class OneAward(Params):
    """The uid of an award."""

    fan_point_uid: Annotated[Uuid, "Award."]


class BoardQuery(Params):
    """The category to rank, over all time."""

    point_uid: Annotated[Uuid, "Category to rank."]
    limit: Annotated[Places, "Number of places; 100 by default."] = 100


class BookingQuery(Params):
    """Which awards of a category, the newest first."""

    point_uid: Annotated[Uuid, "Category."]
    fan_id: Annotated[Id | None, "Only this fan."] = None
    limit: Annotated[Rows, "Maximum number of rows to return."] = 50
    cursor: NextCursor = None


class Booking(msgspec.Struct):
    """An award and why it was made; `is_undone` if another takes it back, `undoes` is the award that it takes back.

    The timestamp is in unix seconds.
    """

    fan_point_uid: uuid.UUID
    fan_id: int
    display_name: str | None
    creation_timestamp: int
    point_count: int
    point_source: str | None
    page_tab_id: int | None
    award_key: str | None
    reason: str | None
    undoes: str | None
    is_undone: bool
