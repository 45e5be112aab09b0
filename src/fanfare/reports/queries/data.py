"""Reads the data of reports: by the functions that answer the calls, so that both have the same figures."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from fanfare.ads.queries import figures
from fanfare.ads.schemas.figures import FigureQuery
from fanfare.audience import counting
from fanfare.campaigns.queries import stats as campaigns
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.wire.times import day_of
from fanfare.reports.schemas.reports import AdAccount, Report, ReportData
from fanfare.reports.schemas.types import AD_ACCOUNTS, parameters
from fanfare.search.schemas.stats import SegmentStatus
from fanfare.segments.queries import segments
from fanfare.segments.schemas.segments import OneSegment
from fanfare.streams.queries import summary
from fanfare.tickets.queries import stats as tickets
from fanfare.trackers.queries import trackers
from fanfare.trackers.schemas.trackers import FigureDays, Tracker, TrackersQuery

# Params differ by type, so the readers take any.
Reader = Callable[[Db, Account, Any, datetime], Awaitable[Any]]


class NoSubject(Unknown):
    """What the report is about no longer exists"""


async def report_data(db: Db, account: Account, report: Report, now: datetime) -> ReportData:
    """Return a report with its data as of now; NoSubject (404) if what it is about was deleted."""
    first, last = report.start_date, report.end_date or day_of(now, account.time_zone)
    days = first, (max(first, last) if first else report.end_date)
    try:
        params = parameters(report.report_type, report.options, days)
        if isinstance(params, FigureDays):
            # The call takes a first day of its own.
            report = msgspec.structs.replace(report, start_date=trackers.figure_days(account, params, now)[0])
        data = await READERS[report.report_type](db, account, params, now)
    except (BadParameters, Unknown) as fault:
        raise NoSubject(fault.detail) from None
    return ReportData(**msgspec.structs.asdict(report), **{report.report_type: data})


async def _ad_account(db: Db, account: Account, query: FigureQuery, _: datetime) -> AdAccount:
    query = msgspec.structs.replace(query, currency=query.currency or account.currency)
    rows = await figures.by_platform(db, account.id, query)
    if not rows:
        return AdAccount(currency=query.currency or account.currency)
    sums = msgspec.structs.asdict(rows[0])
    values = {name: sums[name] for name in AdAccount.__struct_fields__ if name in sums}
    values["conversion"], values["offline_conversion"] = sums["conversion_amount"], sums["offline_conversion_amount"]
    return AdAccount(**values, days=await figures.by_day(db, account.id, query))


async def _segment(db: Db, account: Account, target: OneSegment, now: datetime) -> SegmentStatus:
    return await segments.segment_status(db, account, await segments.criteria_of(db, account.id, target), now)


async def _trackers(db: Db, account: Account, query: TrackersQuery, now: datetime) -> list[Tracker]:
    return (await trackers.trackers(db, account, query, now)).data


def _timeless(read: Callable[[Db, Account, Any], Awaitable[Any]]) -> Reader:
    return lambda db, account, params, _: read(db, account, params)


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(AD_ACCOUNTS, _ad_account),
    "ad_campaigns": lambda db, account, query, _: figures.by_campaign(db, account.id, query),
    "fans": counting.criteria_stats,
    "segment": _segment,
    "campaign": _timeless(campaigns.campaign_stats),
    "campaign_bundle": _timeless(campaigns.bundle_stats),
    "tickets": _timeless(tickets.sales),
    "ticket_sales": _timeless(tickets.sales_by),
    "trackers": _trackers,
    "tracker": trackers.tracker,
    "stream": lambda db, account, query, _: summary.summary(db, account.id, query),
}
