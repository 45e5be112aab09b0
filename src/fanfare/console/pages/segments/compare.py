"""The overlap of two to five segments, as a drawing of every combination and as a table."""

from datetime import datetime

from fanfare.console.schemas.segments import CompareQuery
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.pages.page import View
from fanfare.kernel.parameters import read
from fanfare.segments.queries.overlap import overlap
from fanfare.segments.queries.overview import segments_listed, segments_named
from fanfare.segments.schemas.figures import MAX_SEGMENTS, Overlap, OverlapQuery, SegmentListed, SegmentQuery
from fanfare.staff.schemas.members import Member


@manage.get("/segments/compare", area="segments")
async def segments_compare(db: Db, member: Member, query: CompareQuery, now: datetime) -> View:
    """Ask which segments to compare, and show how they overlap."""
    names = [each for each in dict.fromkeys(query.segments or []) if each]
    result, fault = await _overlap(db, member, names, now) if names else (None, "")
    filters = await segments_listed(db, member.account, SegmentQuery(segment_type="filter"), now)
    lists = [each for kind in ("snapshot", "tag") for each in await segments_named(db, member.account, kind)]
    values = {
        "result": result,
        "fault": fault,
        "chosen": (names + [""] * MAX_SEGMENTS)[:MAX_SEGMENTS],
        "choices": [_choice(each) for each in (*filters, *lists)],
        "largest": max((each.fan_count for each in result.parts), default=1) if result else 1,
    }
    return View("console/templates/segments/compare.html", values)


def _choice(segment: SegmentListed) -> tuple[str, str, str]:
    return f"{segment.segment_type}:{segment.segment_id}", segment.segment_name, segment.segment_type


async def _overlap(db: Db, member: Member, names: list[str], now: datetime) -> tuple[Overlap | None, str]:
    """Return the overlap, or why there is none."""
    try:
        params = read(OverlapQuery, {"segments": [*names]})
        return await overlap(db, member.account, params, now, member.business_ids), ""
    except BadParameters as wrong:
        return None, wrong.errors[0][1]
    except Unknown as unknown:
        return None, unknown.detail
