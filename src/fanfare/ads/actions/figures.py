"""Stores the figures of ads by day, from lines or from a platform's export."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fanfare.ads import exports
from fanfare.ads.schemas.figures import AdFigure, AdImportSaved, FiguresSaved, NewImport
from fanfare.ads.topics import AD_FIGURES_UPDATED
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lines import LineFault, WrongLine, check_lines, line_fault, unstorable_line, write_lines
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.running.long_inputs import run_by_rows, run_by_size

FIELD = "figures"
AMOUNTS = (
    "impressions", "clicks", "conversion_count", "conversion_amount", "offline_conversion_count",
    "offline_conversion_amount", "custom_conversion_count", "custom_conversion_amount",
    "custom_offline_conversion_count", "custom_offline_conversion_amount",
)  # fmt: skip
KEY = ("figure_date", "network", "ad_account_key", "campaign_key", "ad_key")
COLUMNS = (*KEY, "campaign_name", "currency", "spend", *AMOUNTS)
# Figures of a campaign and of its ads are the same money: what is stored last counts, at either level.
STORE = f"""
    with {HOLD},
    input as materialized (
        select {", ".join(COLUMNS)} from jsonb_populate_recordset(null::ad_days, $2)
    ),
    replaced as (
        delete from ad_days d
        using (
            select distinct figure_date, network, ad_account_key, campaign_key, ad_key = '' as is_campaign
            from input) as i
        where d.account_id = $1 and d.figure_date = i.figure_date and d.network = i.network
          and d.ad_account_key = i.ad_account_key and d.campaign_key = i.campaign_key
          and (d.ad_key = '') <> i.is_campaign
    ),
    saved as (
        insert into ad_days ({", ".join(COLUMNS)}, account_id, updated_at)
        select {", ".join(COLUMNS)}, $1, $3 from input
        order by {", ".join(KEY)}
        on conflict (account_id, {", ".join(KEY)}) do update
        set ({", ".join(COLUMNS)}, updated_at) = (excluded.{", excluded.".join(COLUMNS)}, excluded.updated_at)
        returning network, figure_date
    )
    {announce(AD_FIGURES_UPDATED, "(select distinct network, figure_date from saved) as days", at="$3")}
"""  # noqa: S608 - fixed parts
Row = tuple[int, dict[str, Any]]


async def save_figures(db: Db, account: Account, lines: Sequence[AdFigure | WrongLine], now: datetime) -> FiguresSaved:
    """Store figures, in place of those of the same ad and day; wrong lines are listed and do not affect the others."""
    rows, faults = await run_by_rows(account.id, len(lines), _rows, account, lines, now)
    saved_count, unstorable = await _store(db, account.id, rows, now)
    return FiguresSaved(saved_count, sorted(faults + unstorable, key=lambda fault: fault.index))


async def import_figures(db: Db, account: Account, new: NewImport, now: datetime) -> AdImportSaved:
    """Store the figures of a platform's export; BadParameters (422) if the columns are not found."""
    export = await run_by_size(account.id, len(new.csv), exports.read_export, new)
    indexes = [line for line, _ in export.lines]
    lines = [figure for _, figure in export.lines]
    result = await save_figures(db, account, lines, now)
    faults = [LineFault(indexes[fault.index], fault.error, fault.errors) for fault in result.errors]
    return AdImportSaved(export.columns, result.saved_count, export.skipped_count, faults)


def _rows(account: Account, lines: Sequence[AdFigure | WrongLine], now: datetime) -> tuple[list[Row], list[LineFault]]:
    return check_lines(lines, lambda index, figure: (index, _row(account, figure)), RequestContext(account, now))


def _row(account: Account, figure: AdFigure) -> dict[str, Any]:
    row = {name: getattr(figure, name) for name in COLUMNS if name != "figure_date"}
    row |= {name: row[name] or 0 for name in AMOUNTS}
    row["figure_date"] = figure.day
    row["ad_account_key"], row["ad_key"] = figure.ad_account_key or "", figure.ad_key or ""
    row["campaign_key"] = figure.campaign_key or figure.campaign_name
    row["currency"] = figure.currency or account.currency
    return row


def _campaign(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY if name != "ad_key")


async def _store(db: Db, account_id: int, rows: Sequence[Row], now: datetime) -> tuple[int, list[LineFault]]:
    """Store rows; return how many ads and days they are, and the faults of those that cannot be stored."""
    # Of an ad and day that is in a batch twice, the last line counts; of a campaign with its ads, those do.
    with_ads = {_campaign(row) for _, row in rows if row["ad_key"]}
    latest = {
        tuple(row[name] for name in KEY): (index, row)
        for index, row in rows
        if row["ad_key"] or _campaign(row) not in with_ads
    }

    async def write(part: Sequence[Row]) -> None:
        await db.retry_conflicts(lambda tx: tx.execute(STORE, account_id, [row for _, row in part], now))

    unstorable = await write_lines(list(latest.values()), write)
    faults = [line_fault(index, unstorable_line(FIELD)) for index, _ in unstorable]
    return len(latest) - len(unstorable), faults
