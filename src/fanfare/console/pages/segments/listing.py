"""The list of segments, by kind."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fanfare.console.schemas.segments import ORDERS, ROWS, SegmentsQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.kernel.pages.page import View
from fanfare.kernel.pages.trends import spark_line
from fanfare.segments.queries.overview import segments_listed, segments_named
from fanfare.segments.schemas.figures import SegmentListed, SegmentQuery
from fanfare.staff.schemas.members import Member

# The largest, the fastest growing and the newest come first; names from A.
SORTS: dict[str, Callable[[SegmentListed], Any]] = {
    "name": lambda each: fold(each.segment_name),
    "size": lambda each: -(each.segment_count or 0),
    "change": lambda each: -(each.change_count or 0),
    "created": lambda each: -each.creation_timestamp,
}


@manage.get("/segments", area="segments")
async def segments(db: Db, member: Member, query: SegmentsQuery, now: datetime) -> View:
    """Show the filters, snapshots or tags; those that are counted row by row get their sizes after the page."""
    kind = query.kind or "filter"
    has_counts = not member.is_limited and (kind == "filter" or query.is_counted)
    if has_counts:
        rows = await segments_listed(db, member.account, SegmentQuery(segment_type=kind), now)
    else:
        rows = await _names(db, member, kind, now)
    matches = [each for each in rows if fold(query.q or "") in fold(each.segment_name)]
    ordered = sorted(matches, key=SORTS[query.order or "name"])
    start = (query.page - 1) * ROWS
    page = ordered[start : start + ROWS]
    values = {
        "kind": kind,
        "rows": [(each, spark_line(each.sizes) if len(each.sizes) > 1 else "") for each in page],
        "query": query,
        "orders": ORDERS,
        "has_counts": has_counts,
        "count": len(ordered),
        "here": urlencode({"kind": kind, **({"q": query.q} if query.q else {})}),
        "has_more": len(ordered) > start + ROWS,
    }
    return View("console/templates/segments/segments.html", values)


async def _names(db: Db, member: Member, kind: str, now: datetime) -> list[SegmentListed]:
    """Return the segments of a kind without numbers; people who are limited to businesses see none of the account."""
    if kind != "filter":
        return await segments_named(db, member.account, kind)
    rows = await segments_listed(db, member.account, SegmentQuery(segment_type=kind), now)
    for each in rows:
        each.segment_count, each.change_count, each.sizes = None, None, []
    return rows
