"""Shapes of the pages of purchases and products."""

from typing import Annotated

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Text


class ProductsPage(Params):
    """Which products, and the days of their sales."""

    text: Annotated[Text | None, "Part of a name, category or key."] = None
    days: Annotated[Annotated[str, ChoiceForm("31", "90", "365", "all")], "How many days."] = "31"
    cursor: NextCursor = None
