"""The list of segments with their trends, and what refers to a segment."""

from datetime import datetime

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy, Record
from fanfare.kernel.data.references import Reference
from fanfare.kernel.folding import fold
from fanfare.segments.queries import days, references, segments
from fanfare.segments.schemas.figures import Referrer, SegmentListed, SegmentQuery
from fanfare.segments.schemas.segments import OneSegment

# Names and counts of each kind. Tags and snapshots are counted row by row; filters have the counts that are kept.
FILTERS = """
    select 'filter' as segment_type, f.filter_uid::text as segment_id, f.filter_name as segment_name, f.group_name,
           f.is_active, floor(extract(epoch from f.created_at))::bigint as creation_timestamp,
           case when s.build_from is null and s.built_at is not null then s.member_count
                else f.last_search_count end as segment_count
    from filters f
    left join filter_states s on s.account_id = f.account_id and s.filter_id = f.filter_id
    where f.account_id = $1
    order by fold_text(f.filter_name), f.filter_uid
"""
SNAPSHOTS = """
    select 'snapshot' as segment_type, s.snapshot_uid::text as segment_id, s.snapshot_name as segment_name,
           null as group_name, false as is_active,
           floor(extract(epoch from s.created_at))::bigint as creation_timestamp,
           (select count(*) from snapshot_members m where m.account_id = $1 and m.snapshot_uid = s.snapshot_uid)
               as segment_count
    from snapshots s where s.account_id = $1
    order by fold_text(s.snapshot_name), s.snapshot_uid
"""
TAGS = """
    select 'tag' as segment_type, t.tag_id::text as segment_id, t.tag_name as segment_name, null as group_name,
           false as is_active, floor(extract(epoch from t.created_at))::bigint as creation_timestamp,
           coalesce(g.fan_count, 0) as segment_count
    from tags t
    left join (select tag_id, count(*) as fan_count from fan_tags where account_id = $1 group by tag_id) g
      on g.tag_id = t.tag_id
    where t.account_id = $1
    order by fold_text(t.tag_name), t.tag_id
"""
LISTS = {"filter": FILTERS, "snapshot": Heavy(SNAPSHOTS), "tag": Heavy(TAGS)}
# The same without counts, for a page that does not wait for them.
NAMES = {
    "snapshot": """
        select 'snapshot' as segment_type, s.snapshot_uid::text as segment_id, s.snapshot_name as segment_name,
               null as group_name, false as is_active,
               floor(extract(epoch from s.created_at))::bigint as creation_timestamp, null::bigint as segment_count
        from snapshots s where s.account_id = $1
        order by fold_text(s.snapshot_name), s.snapshot_uid
    """,
    "tag": """
        select 'tag' as segment_type, t.tag_id::text as segment_id, t.tag_name as segment_name, null as group_name,
               false as is_active, floor(extract(epoch from t.created_at))::bigint as creation_timestamp,
               null::bigint as segment_count
        from tags t where t.account_id = $1
        order by fold_text(t.tag_name), t.tag_id
    """,
}


async def segments_listed(db: Db, account: Account, query: SegmentQuery, now: datetime) -> list[SegmentListed]:
    """Return the segments of a kind, or of all, by kind and name."""
    kinds = [query.segment_type] if query.segment_type else ["filter", "snapshot", "tag"]
    rows = [row for kind in kinds for row in await db.rows(LISTS[kind], account.id)]
    sizes = await days.sizes(db, account, query.days, now) if "filter" in kinds else {}
    return [_listed(row, sizes.get(row["segment_id"], [])) for row in rows]


async def segments_named(db: Db, account: Account, kind: str) -> list[SegmentListed]:
    """Return the tags or snapshots of an account without their counts."""
    return [_listed(row, []) for row in await db.rows(NAMES[kind], account.id)]


def _listed(row: Record, sizes: list[int]) -> SegmentListed:
    change = sizes[-1] - sizes[0] if sizes and row["is_active"] else None
    return SegmentListed(**dict(row), change_count=change, sizes=sizes)


async def referrers(db: Db, account: Account, target: OneSegment) -> list[Referrer]:
    """Return the filters whose criteria refer to a segment, a tag also by its name; Unknown (404)."""
    await segments.criteria_of(db, account.id, target)
    items = [Reference(target.segment_type, fold(target.segment_id.strip()))]
    if target.segment_type == "tag":
        items.append(Reference("tag_name", await segments.segment_name(db, account.id, target)))
    return await references.referring_filters(db, account.id, items)
