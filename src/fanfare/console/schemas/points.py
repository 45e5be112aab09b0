"""Shapes of the pages of points."""

from typing import Annotated

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, Text, Uuid
from fanfare.points.schemas.points import PointCount


class OneCategory(Params):
    """A category of points."""

    point_uid: Annotated[Uuid, "Category."]


class BookingsPage(OneCategory):
    """The awards of a category."""

    fan: Annotated[Id | None, "Only this fan."] = None
    cursor: NextCursor = None


class HandAward(OneCategory):
    """Points that somebody gives by hand."""

    fan_id: Annotated[Id, "Fan who gets the points."]
    point_count: Annotated[PointCount, "Points; negative to take some."]
    reason: Annotated[Text, "Why."]
    award_uid: Annotated[Uuid, "Made with the form, so that a second press books nothing."]


class UndoForm(OneCategory):
    """An award to take back."""

    fan_point_uid: Annotated[Uuid, "Award."]
