"""The types of reports: the call that each is made of, and how its days and options become parameters of that call."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, NamedTuple

from fanfare.ads.schemas.figures import FigureQuery
from fanfare.campaigns.schemas.stats import StatsRange
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, Raw, ignored_names, read
from fanfare.kernel.wire import ChoiceForm
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import people_named
from fanfare.segments.schemas.segments import OneSegment
from fanfare.streams.schemas.summary import SummaryQuery
from fanfare.tickets.schemas.stats import SalesBy, StatsQuery
from fanfare.trackers.schemas.trackers import TrackerQuery, TrackersQuery


class ReportType(NamedTuple):
    """What a type of report is made of.

    `days` are the parameters of the call with the first and the last day, if it has some; `fixed` are parameters that
    the type itself decides.
    """

    call_id: str
    params: type[Params]
    days: tuple[str, str] | None = None
    fixed: Mapping[str, str] = {}


DAYS = ("start_date", "end_date")
PURCHASE_DAYS = ("min_purchase_date", "max_purchase_date")
CREATION_DAYS = ("min_creation_date", "max_creation_date")
# By the platform of the figures; the API document of the original names the type of Facebook.
AD_ACCOUNTS = {
    "facebook_ad_account": "meta",
    "google_ad_account": "google",
    "tiktok_ad_account": "tiktok",
    "x_ad_account": "x",
}
TYPES: Mapping[str, ReportType] = {
    **{
        name: ReportType("ad_stats_list", FigureQuery, DAYS, {"network": network})
        for name, network in AD_ACCOUNTS.items()
    },
    "ad_campaigns": ReportType("ad_stats_campaigns_list", FigureQuery, DAYS),
    "fans": ReportType("manage_filters_stats", Criteria),
    "segment": ReportType("segments_status", OneSegment),
    "campaign": ReportType("campaigns_stats", StatsRange, DAYS),
    "campaign_bundle": ReportType("campaigns_bundle_stats", StatsRange, DAYS),
    "tickets": ReportType("crm_ticket_stats", StatsQuery, PURCHASE_DAYS),
    "ticket_sales": ReportType("manage_tickets_sales", SalesBy, PURCHASE_DAYS),
    "trackers": ReportType("trackers_list", TrackersQuery, CREATION_DAYS),
    "tracker": ReportType("trackers_get", TrackerQuery, CREATION_DAYS),
    # Labels are words of staff; words and hashtags are those of others, which a link would publish.
    "stream": ReportType("streams_summary", SummaryQuery, None, {"data": "labels"}),
}
TypeName = Annotated[str, ChoiceForm(*TYPES)]


def parameters(name: str, options: Mapping[str, Any], days: tuple[date | None, date | None]) -> Params:
    """Return the parameters of the call of a report; BadParameters (422) names fields of the report."""
    kind = TYPES[name]
    raw: Raw = {key: [value] for key, value in options.items() if key}
    faults = list(_faults(kind, raw, days))
    if kind.days:
        raw |= {key: [day.isoformat()] for key, day in zip(kind.days, days, strict=True) if day}
    raw |= {key: [value] for key, value in kind.fixed.items()}
    try:
        params = read(kind.params, raw)
    except BadParameters as wrong:
        raise BadParameters([*faults, *(_renamed(kind, *fault) for fault in wrong.errors)]) from None
    # A link would publish who is looked for, also when that person was erased.
    people = people_named(params) if kind.params is Criteria else ()
    faults += [("options", f"must not have {name}") for name in people]
    if faults:
        raise BadParameters(faults)
    return params


def _faults(kind: ReportType, raw: Raw, days: tuple[date | None, date | None]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the options and days before the call reads them."""
    if kind.days is None:
        yield from ((field, "is not for this type") for field, day in zip(DAYS, days, strict=True) if day)
    for name in ignored_names(kind.params, raw):
        yield "options", f"has the unknown option {name!r}"
    for name in (*kind.fixed, *(kind.days or ())):
        if name in raw:
            yield "options", f"must not have {name}"


def _renamed(kind: ReportType, name: str, message: str) -> tuple[str, str]:
    fields = dict(zip(kind.days or (), DAYS, strict=False))
    return (fields[name], message) if name in fields else ("options", f"{name} {message}")
