"""Shapes of reports and of their data."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.ads.schemas.figures import CampaignFigures, DayFigures
from fanfare.campaigns.schemas.stats import BundleStats, CampaignStats
from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Day, Id, JsonObject, LimitForm, Text, Uuid
from fanfare.reports.schemas.types import DAYS, TypeName, parameters
from fanfare.search.schemas.stats import FilterStats, SegmentStatus
from fanfare.streams.schemas.summary import Summary
from fanfare.tickets.schemas.stats import Sales, SalesRow
from fanfare.trackers.schemas.trackers import Tracker

ROWS = 500


class Report(msgspec.Struct):
    """A report: its type says of which call it is made, `options` has the parameters of that call beside the days.

    Days are those of the account, null where the range is open; `end_date` is null for a report up to today. The
    timestamp is when its data was last read, by call or by link, in unix seconds.
    """

    report_uid: uuid.UUID
    report_name: str
    report_type: str
    start_date: date | None
    end_date: date | None
    last_access_timestamp: int | None
    options: dict[str, Any]
    business_id: int | None


class AdAccount(msgspec.Struct, kw_only=True):
    """The figures of the ad accounts on one platform in one currency, in all and by day.

    `conversion` and `offline_conversion` are the values of purchases on the web and offline. People cannot be added up
    over days and ads, so `reach` and `frequency` are null. The rates are those of `ad_stats`.
    """

    currency: str
    spend: Decimal = Decimal(0)
    conversion: Decimal = Decimal(0)
    offline_conversion: Decimal = Decimal(0)
    conversion_count: Decimal = Decimal(0)
    offline_conversion_count: Decimal = Decimal(0)
    impressions: int = 0
    reach: int | None = None
    frequency: Decimal | None = None
    cpm: Decimal | None = None
    cpa: Decimal | None = None
    roi: Decimal | None = None
    clicks: int = 0
    ctr: Decimal | None = None
    cpc: Decimal | None = None
    days: list[DayFigures] = []


class ReportData(Report, kw_only=True):
    """A report with its data under the name of its type."""

    facebook_ad_account: AdAccount | UnsetType = UNSET
    google_ad_account: AdAccount | UnsetType = UNSET
    tiktok_ad_account: AdAccount | UnsetType = UNSET
    x_ad_account: AdAccount | UnsetType = UNSET
    ad_campaigns: list[CampaignFigures] | UnsetType = UNSET
    fans: FilterStats | UnsetType = UNSET
    segment: SegmentStatus | UnsetType = UNSET
    campaign: CampaignStats | UnsetType = UNSET
    campaign_bundle: BundleStats | UnsetType = UNSET
    tickets: Sales | UnsetType = UNSET
    ticket_sales: list[SalesRow] | UnsetType = UNSET
    trackers: list[Tracker] | UnsetType = UNSET
    tracker: Tracker | UnsetType = UNSET
    stream: Summary | UnsetType = UNSET


class NewReport(Params):
    """A report to create."""

    report_name: Annotated[Text, "Name of the report, as its readers see it."]
    report_type: Annotated[TypeName, "What the report is about; docs/reports.md lists the types with their options."]
    start_date: Annotated[Day | None, "First day (YYYY-MM-DD), for types with days."] = None
    end_date: Annotated[Day | None, "Last day; the report goes up to today when left out."] = None
    options: Annotated[JsonObject | None, "Further parameters of the call that the type is made of."] = None
    business_id: Annotated[Id | None, "Business in whose look links show the report."] = None

    example: ClassVar[Mapping[str, object]] = {
        "report_name": "Season tickets on Facebook",
        "report_type": "facebook_ad_account",
        "start_date": "2027-05-01",
        "end_date": "2027-05-31",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse days and options that do not fit the type."""
        start, end = (values.get(name) for name in DAYS)
        if "report_type" not in values:
            return
        try:
            # Without an end the report goes up to a day that is not known here.
            parameters(values["report_type"], values.get("options") or {}, (start, end or start))
        except BadParameters as wrong:
            yield from ((field, message) for field, message in wrong.errors if end or field != "end_date")


class ReportSaved(msgspec.Struct):
    """The report that was created."""

    report_uid: uuid.UUID


class OneReport(Params):
    """Which report."""

    report_uid: Annotated[Uuid, "Report by its uid."]


class ReportQuery(Params):
    """Which reports."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None
