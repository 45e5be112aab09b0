"""Shapes of the pages of links and ads."""

from typing import Annotated

from fanfare.ads.schemas.figures import DateOrder
from fanfare.ads.schemas.projects import OneProject
from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Currency, Day, Money, NetworkName, Text, TextForm, Uuid
from fanfare.trackers.schemas.trackers import OneTracker
from fanfare.trackers.verdicts.rules import VERDICTS

# A form has at most 64 KiB, with its other fields.
MAX_CSV = 60_000
RANGES = ("7", "31", "90", "365")


class LinksPage(Params):
    """Which links."""

    text: Annotated[Text | None, "Part of a name, group, key or target."] = None
    cursor: NextCursor = None


class LinkPage(OneTracker):
    """One link, and the days of its figures."""

    days: Annotated[Annotated[str, ChoiceForm(*RANGES)], "How many days."] = "31"
    verdict: Annotated[Annotated[str, ChoiceForm(*VERDICTS)] | None, "Only clicks with this verdict."] = None
    cursor: NextCursor = None


class PictureFile(OneTracker):
    """A QR code as a file."""

    form: Annotated[Annotated[str, ChoiceForm("svg", "png")], "Kind of the file."] = "svg"


class AdsPage(Params):
    """The days of the figures of ads."""

    start_date: Annotated[Day | None, "First day."] = None
    end_date: Annotated[Day | None, "Last day."] = None

    def has_days(self) -> bool:
        """Return whether both days were chosen, in their order."""
        return bool(self.start_date and self.end_date and self.start_date <= self.end_date)


class ProjectLineForm(OneProject):
    """A budget line of a project."""

    name: Annotated[Text, "What the money is for."]
    budget_amount: Annotated[Money, "Amount in the currency of the account."]
    notes: Annotated[Text | None, "Notes."] = None


class ProjectLineRemoval(OneProject):
    """A budget line to delete."""

    project_line_uid: Annotated[Uuid, "Budget line."]


class FileFiguresForm(Params):
    """Whose figures a file has, and how it is read."""

    network: Annotated[NetworkName, "Ad platform."]
    date_order: Annotated[DateOrder | None, "Order of day, month and year."] = None
    currency: Annotated[Currency | None, "Currency, if no column has it."] = None


class FiguresForm(FileFiguresForm, kw_only=True):
    """The figures of ads as text, of at most 60,000 characters."""

    csv: Annotated[Annotated[str, TextForm(MAX_CSV)], "Text of the export."]
