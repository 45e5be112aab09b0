"""Shapes of the search of fans; its criteria are read by `console/criteria`."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, Text

ORDERS = ("newest", "oldest")


class FansQuery(Params):
    """Which page of the fans who meet the criteria of the URL."""

    find: Annotated[Text | None, "A name, an email address, a phone number or an id to look for."] = None
    order: Annotated[Annotated[str, ChoiceForm(*ORDERS)] | None, "Which fans come first."] = None
    last_fan_id: Annotated[Id | None, "The fan behind whom the page begins."] = None
    count: Annotated[Flag, "Whether to count with the page; else the count follows it."] = False

    @property
    def is_newest_first(self) -> bool:
        """Whether the newest fans come first."""
        return self.order != "oldest"


class ChoicesQuery(Params):
    """Which records a slot of a criterion offers; the text is the value of the slot."""

    parameter: Annotated[Text, "The parameter of the search."]
