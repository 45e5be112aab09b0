"""Shapes of the forms and queries of segments' pages."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Day, Flag, Id, IntegerForm, ListForm, Text, TextForm
from fanfare.segments.schemas.segments import Kind, OneSegment

ORDERS = ("name", "size", "change", "created")
RANGES = (28, 90, 366)
ROWS = 100

Range = Annotated[str, ChoiceForm(*map(str, RANGES))]


class SegmentsQuery(Params):
    """Which segments, and in which order."""

    kind: Annotated[Kind | None, "Kind of the segments; filters unless another is chosen."] = None
    order: Annotated[Annotated[str, ChoiceForm(*ORDERS)] | None, "What they are sorted by."] = None
    q: Annotated[Text | None, "Part of the name."] = None
    page: Annotated[Annotated[int, IntegerForm(1, 10_000)], "Page of the list."] = 1
    is_counted: Annotated[Flag, "Whether tags and snapshots are counted before the page is shown."] = False


class SegmentView(OneSegment):
    """Which segment, and over how many days its chart goes."""

    days: Annotated[Range | None, "How many days."] = None

    @property
    def day_count(self) -> int:
        """How many days; 90 unless another number is chosen."""
        return int(self.days or 90)


class FiguresQuery(OneSegment):
    """Whose figures, and how much of the world the map shows."""

    is_whole: Annotated[Flag, "Whether the map shows every place, not only where most fans live."] = False


class MembersQuery(OneSegment):
    """Whose members, as of which day, and after which fan."""

    day: Annotated[Day | None, "Members at the end of this day; now when left out."] = None
    after_fan_id: Annotated[Id | None, "Only fans with a larger id."] = None


class WhyQuery(OneSegment):
    """Which fan is explained in which segment."""

    fan_id: Annotated[Id | None, "The fan."] = None


class CompareQuery(Params):
    """Which segments are compared."""

    segments: Annotated[Annotated[list[str], ListForm(TextForm(), maximum=10)] | None, "Two to five segments."] = None


class SegmentName(OneSegment):
    """The new name of a segment, and the group of a filter."""

    segment_name: Annotated[Text, "Its new name."]
    group_name: Annotated[Text | None, "Group that a filter is listed in."] = None


class NewFreeze(OneSegment):
    """The name of the snapshot that a segment is frozen under."""

    snapshot_name: Annotated[Text, "Name of the snapshot."]


class Liveness(OneSegment):
    """Whether the members of a filter are kept live."""

    is_active: Annotated[Flag, "Whether it is live."] = False


class FilterForm(Params):
    """The name of a filter, and whether it is to be saved; the criteria have fields of their own."""

    segment_type: Annotated[Kind | None, "Kind of the segment that is edited."] = None
    segment_id: Annotated[Text | None, "Its uid."] = None
    filter_name: Annotated[Text | None, "Name of a new filter."] = None
    group_name: Annotated[Text | None, "Group it is listed in."] = None
    save: Annotated[Flag, "Whether the button to save was pressed."] = False
