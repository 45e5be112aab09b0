"""Shapes of the figures of ads: by day as they come in, by platform and campaign as they are summed."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.kernel.data.lines import LineFault, WrongLine, lines_of
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    ChoiceForm,
    Currency,
    Day,
    IntegerForm,
    JsonObject,
    Money,
    NetworkName,
    OuterKey,
    Text,
    TextForm,
)

MAX_FIGURES = 1000
MAX_CSV = 1024 * 1024
Count = Annotated[int, IntegerForm(0, 1_000_000_000_000)]
Csv = Annotated[str, TextForm(MAX_CSV)]
DecimalMark = Annotated[str, ChoiceForm(".", ",")]
DateOrder = Annotated[str, ChoiceForm("ymd", "dmy", "mdy")]


class AdFigure(Params, kw_only=True):
    """The figures of one ad on one day; sent again, they replace those of the same ad and day."""

    network: Annotated[NetworkName, "Ad platform, such as meta, google, tiktok or x."]
    day: Annotated[Day, "Day in the time zone of the ad account (YYYY-MM-DD)."]
    ad_account_key: Annotated[OuterKey | None, "Ad account on the platform."] = None
    campaign_key: Annotated[OuterKey | None, "Campaign on the platform; its name when left out."] = None
    campaign_name: Annotated[Text | None, "Name of the campaign."] = None
    ad_key: Annotated[OuterKey | None, "Ad, or ad group, on the platform; left out for figures of the campaign."] = None
    currency: Annotated[Currency | None, "Currency of the amounts; the account's when left out."] = None
    spend: Annotated[Money, "Money spent."]
    impressions: Annotated[Count | None, "Times shown."] = None
    clicks: Annotated[Count | None, "Clicks."] = None
    conversion_count: Annotated[Money | None, "Purchases on the web; platforms attribute fractions of them."] = None
    conversion_amount: Annotated[Money | None, "Value of those purchases."] = None
    offline_conversion_count: Annotated[Money | None, "Purchases offline."] = None
    offline_conversion_amount: Annotated[Money | None, "Value of those purchases."] = None
    custom_conversion_count: Annotated[Money | None, "Custom conversions on the web."] = None
    custom_conversion_amount: Annotated[Money | None, "Value of those conversions."] = None
    custom_offline_conversion_count: Annotated[Money | None, "Custom conversions offline."] = None
    custom_offline_conversion_amount: Annotated[Money | None, "Value of those conversions."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse figures of no campaign."""
        if not values.get("campaign_key") and not values.get("campaign_name"):
            yield "campaign_key", "is required unless campaign_name is sent"


class NewFigures(Params):
    """Figures of ads by day."""

    figures: Annotated[
        Annotated[list[AdFigure | WrongLine], lines_of(AdFigure, MAX_FIGURES, "figures")],
        "At most 1000 objects, each with the figures of one ad on one day.",
    ]

    example: ClassVar[Mapping[str, object]] = {
        "figures": [
            {
                "network": "meta",
                "day": "2027-05-02",
                "ad_account_key": "act_101",
                "campaign_key": "238501",
                "campaign_name": "Season tickets",
                "spend": 84.20,
                "impressions": 21040,
                "clicks": 312,
                "conversion_count": 9,
                "conversion_amount": 1170,
            }
        ]
    }


class FiguresSaved(msgspec.Struct):
    """The number of ads and days that were stored, and the wrong lines."""

    saved_count: int
    errors: list[LineFault]


class NewImport(Params, kw_only=True):
    """A platform's export as CSV."""

    network: Annotated[NetworkName, "Ad platform; the columns of meta, google, tiktok and x are known."]
    csv: Annotated[Csv, "Text of the export, with its line of column names; lines before that one are skipped."]
    columns: Annotated[
        JsonObject | None,
        'Names of the columns by field, such as {"spend": "Cost (net)"}, beside or instead of those that are known.',
    ] = None
    ad_account_key: Annotated[OuterKey | None, "Ad account, if no column has it."] = None
    currency: Annotated[Currency | None, "Currency, if neither a column nor the name of one has it."] = None
    decimal_mark: Annotated[
        DecimalMark | None, "Point or comma; a comma if fields are separated by semicolons, otherwise a point."
    ] = None
    date_order: Annotated[DateOrder | None, "Order of day, month and year in days such as 02/05/2027."] = None

    example: ClassVar[Mapping[str, object]] = {
        "network": "google",
        "csv": "Day,Campaign,Currency code,Cost,Impr.,Clicks\n2027-05-02,Season tickets,CAD,84.20,21040,312\n",
    }


class AdImportSaved(msgspec.Struct):
    """The result of an import.

    `columns` has the name of the column that each field was read from, saved_count the number of ads and days that were
    stored, skipped_count the lines with totals or without a day. The index of an error is the line in the text, from 0.
    """

    columns: dict[str, str]
    saved_count: int
    skipped_count: int
    errors: list[LineFault]


class FigureQuery(Params):
    """A range of days."""

    start_date: Annotated[Day, "First day of the range."]
    end_date: Annotated[Day, "Last day of the range."]
    network: Annotated[NetworkName | None, "Only this ad platform."] = None
    ad_account_key: Annotated[OuterKey | None, "Only this ad account on its platform."] = None
    currency: Annotated[Currency | None, "Only amounts in this currency."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a range that ends before it starts."""
        start, end = values.get("start_date"), values.get("end_date")
        if isinstance(start, date) and isinstance(end, date) and end < start:
            yield "end_date", "must not be before start_date"


class Sums(msgspec.Struct, kw_only=True):
    """Sums of figures in one currency.

    roas is the value of purchases, on the web and offline, for each unit spent, and roi what it brought beyond the
    spend; cpc is the spend for a click, cpm for a thousand impressions, cpa for a purchase; ctr is clicks in per cent
    of impressions. They are null where nothing divides.
    """

    currency: str
    spend: Decimal
    impressions: int
    clicks: int
    conversion_amount: Decimal
    conversion_count: Decimal
    offline_conversion_amount: Decimal
    offline_conversion_count: Decimal
    custom_conversion_count: Decimal
    custom_conversion_amount: Decimal
    custom_offline_conversion_count: Decimal
    custom_offline_conversion_amount: Decimal
    roas: Decimal | None
    cpc: Decimal | None
    cpm: Decimal | None
    ctr: Decimal | None
    cpa: Decimal | None
    roi: Decimal | None


class PlatformFigures(Sums, kw_only=True):
    """Figures of an ad platform in one currency."""

    network: str


class CampaignFigures(PlatformFigures, kw_only=True):
    """Figures of an ad campaign in one currency."""

    ad_account_key: str | None
    campaign_key: str
    campaign_name: str | None


class DayFigures(Sums, kw_only=True):
    """Figures of a day in one currency."""

    day: date


class AdSales(msgspec.Struct):
    """The spend on a platform and the sales that its trackers brought, in one currency.

    `clicks` are those that the platform counts, `tracker_clicks` those of people on the trackers of that network,
    whatever the currency. `roas` is attributed sales for each unit spent, `cpa` the spend for an attributed purchase;
    null where nothing divides.
    """

    network: str
    currency: str
    spend: Decimal
    clicks: int
    tracker_clicks: int
    attributed_purchase_count: Decimal
    attributed_purchase_amount: Decimal
    roas: Decimal | None
    cpa: Decimal | None
