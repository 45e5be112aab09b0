"""Schemas of ratings."""

from datetime import date, datetime
from typing import Annotated

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id


class RatedFan(Params):
    """The id of a fan."""

    fan_id: Annotated[Id, "Fan to explain."]


class RatingParts(msgspec.Struct):
    """The points behind a fan's rating, as of today.

    Ten points are half a star above the first. `rating` follows from the points; `kept_rating` is the stored one that
    fan rows show, at most a minute behind, null before the first.
    """

    fan_id: int
    rating: float
    kept_rating: float | None
    points: int
    activity_points: int
    connection_points: int
    purchase_points: int


class Since(msgspec.Struct, frozen=True):
    """The starts of the days that many days ago, in the account's time zone."""

    days_30: datetime
    days_90: datetime
    days_180: datetime
    days_365: datetime
    days_730: datetime


class Progress(msgspec.Struct, frozen=True):
    """The position in the change log up to which fans are rated, and the last fan_id of the daily pass (None: done)."""

    position: int
    passed_on: date
    pass_to: int | None
