"""Shapes of the pages of reports."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Day, Id, Text
from fanfare.reports.schemas.reports import OneReport
from fanfare.reports.schemas.types import TypeName


class ReportTypeChoice(Params):
    """The type of a report to make."""

    report_type: Annotated[TypeName | None, "What the report is about."] = None


class ReportForm(Params):
    """A report to make."""

    report_name: Annotated[Text, "Name of the report."]
    report_type: Annotated[TypeName, "What it is about."]
    start_date: Annotated[Day | None, "First day."] = None
    end_date: Annotated[Day | None, "Last day; up to today when empty."] = None
    subject: Annotated[Text | None, "The campaign, link or stream; of a segment the type, / and the id."] = None
    business_id: Annotated[Id | None, "Business in whose look links show it."] = None


class LinkEnd(OneReport):
    """A link of a report to end."""

    report_link_id: Annotated[Id, "Link."]
