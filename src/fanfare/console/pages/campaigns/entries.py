"""The entries of a campaign: read by pages, downloaded as a file."""

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from fanfare.campaigns.queries.activities import activity_page
from fanfare.campaigns.schemas.activities import Activity, ActivityWindow
from fanfare.campaigns.schemas.campaigns import OneCampaign
from fanfare.console.pages.campaigns.access import AREA, visible_campaign
from fanfare.console.schemas.campaigns import ROWS, EntryQuery
from fanfare.console.schemas.changes import shown_values
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Download, View, Visit
from fanfare.kernel.wire import BYTE_ORDER_MARK
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/campaigns"
ROWS_AT_ONCE = 5000
COLUMNS = ("activity_id", "fan_id", "creation_timestamp", "name", "email", "phone", "ip_address", "user_key")
# What spreadsheets would run as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def shown_entry(member: Member, entry: Activity) -> dict[str, Any]:
    """Return an entry as the person may see it; the values recorded with it are under `details`."""
    fan = entry.fan
    row = {
        **{name: getattr(entry, name) for name in ("activity_id", "fan_id", "creation_timestamp", "name")},
        "email": fan.email if fan else None,
        "phone": fan.phone if fan else None,
        "ip_address": entry.ip_address,
        "user_key": entry.user_key,
        "details": msgspec.json.decode(msgspec.json.encode(entry.details)),
    }
    return member.mask(AREA).record(row, "details")


@manage.get("/campaigns/{page_tab_id}/entries", area="campaigns")
async def campaign_entries(db: Db, visit: Visit, member: Member, query: EntryQuery, now: datetime) -> View:
    """Show the entries of a campaign, the newest first."""
    one = await visible_campaign(db, member, query.page_tab_id, now)
    window = ActivityWindow(
        page_tab_id=query.page_tab_id, max_activity_id=query.max_activity_id, limit=ROWS, include_details=True
    )
    page = await activity_page(db, member.account, window)
    entries = [shown_entry(member, each) for each in page.data]
    values = {
        "campaign": one,
        "entries": entries,
        "details": {
            each["activity_id"]: shown_values(each["details"] or {}, visit.language, member.account.time_zone)
            for each in entries
        },
        "further_query": f"max_activity_id={page.meta.min_activity_id}" if page.meta.has_more else "",
        "is_first": query.max_activity_id is None,
    }
    return View(f"{TEMPLATES}/entries.html", values)


@manage.get("/campaigns/{page_tab_id}/entries/download", area="campaigns", right="export", needs_proof=True)
async def campaign_entries_download(db: Db, member: Member, query: OneCampaign, now: datetime) -> Download:
    """Download all entries of a campaign as CSV, the oldest first."""
    await visible_campaign(db, member, query.page_tab_id, now)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
    # Spreadsheets take a file without the mark for one of Windows-1252.
    file.write(BYTE_ORDER_MARK + _line([*COLUMNS, "details"]))
    position, has_more = 0, True
    while has_more:
        window = ActivityWindow(
            page_tab_id=query.page_tab_id, min_activity_id=position, limit=ROWS_AT_ONCE, include_details=True
        )
        page = await activity_page(db, member.account, window)
        file.writelines(_lines(member, page.data))
        position, has_more = page.meta.max_activity_id, page.meta.has_more
    return Download(file, f"entries-{query.page_tab_id}.csv", "text/csv; charset=utf-8")


def _lines(member: Member, entries: list[Activity]) -> Iterator[bytes]:
    for entry in entries:
        row = shown_entry(member, entry)
        details = msgspec.json.encode(row["details"]).decode() if row["details"] else ""
        yield _line([*(_cell(row[name]) for name in COLUMNS), details])


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _line(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
