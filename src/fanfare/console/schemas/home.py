"""Shapes of the first page."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm

RANGES = (7, 28, 90)


class HomeQuery(Params):
    """Which range of days."""

    days: Annotated[Annotated[str, ChoiceForm(*map(str, RANGES))] | None, "How many days."] = None

    @property
    def day_count(self) -> int:
        """How many days; 28 unless another number is chosen."""
        return int(self.days or 28)
