"""Shapes of the search of fans; its criteria are read by `console/criteria`."""

from typing import Annotated

from fanfare.fan_jobs.schemas import ACTIONS, NewFanJob
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, Ids, ListForm, Text, Uuid

ORDERS = ("newest", "oldest")
# Columns of the list beside the name, with their titles.
COLUMNS = {
    "place": "Place",
    "reach": "Reach",
    "tags": "Tags",
    "gender": "Gender",
    "birth": "Born",
    "rating": "Rating",
    "added": "Here since",
    "campaign": "Last campaign",
    "active": "Last active",
    "activities": "Activities",
    "seats": "Seats",
    "points": "Points",
}
# What of them is of the whole account: not for people who work for some businesses only.
OF_ALL_BUSINESSES = ("campaign", "active", "activities", "seats", "points")
NUMBERS = ("rating", "activities", "seats", "points")
DEFAULT_COLUMNS = ("place", "reach", "tags", "active", "seats", "points")
# Kept in this cookie of the browser, so that links show each person their own columns.
COLUMNS_COOKIE, SEPARATOR = "fan-columns", "."


class CountQuery(Params):
    """How the fans who meet the criteria of the URL are counted."""

    is_exact: Annotated[Flag, "Whether to count each of them, however long it takes."] = False


class FansQuery(Params):
    """Which page of the fans who meet the criteria of the URL."""

    find: Annotated[Text | None, "A name, an email address, a phone number or an id to look for."] = None
    filter_uid: Annotated[Uuid | None, "A filter whose criteria are shown."] = None
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


class FanChoicesQuery(Params):
    """Which field of a form asks for a fan; its value is the text to look for."""

    field: Annotated[Annotated[str, ChoiceForm("fan_id", "fan")], "Name of the field."]


class ColumnsForm(Params):
    """Which columns the list of fans has in this browser."""

    columns: Annotated[Annotated[list[str], ListForm(ChoiceForm(*COLUMNS))] | None, "The columns."] = None
    next: Annotated[Text | None, "The page that follows."] = None


class FanActionQuery(Params):
    """With whom to do something: the picked fans, or all who meet the criteria of the URL."""

    action: Annotated[Annotated[str, ChoiceForm(*ACTIONS)] | None, "What to do."] = None
    fan_ids: Annotated[Ids | None, "The picked fans."] = None
    is_found: Annotated[Flag, "All who meet the criteria, rather than the picked ones."] = False
    is_everyone: Annotated[Flag, "All fans of the account."] = False


class FanJobForm(NewFanJob, kw_only=True):
    """An action on many fans, as a page has it."""

    confirmation: Annotated[Text | None, "The name of the account, to erase."] = None
