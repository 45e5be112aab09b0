"""Sums up a stream: totals from the counts by day, words and authors from the newest records of the window.

Days that are in the window in part are counted record by record.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.wire import EARLIEST, LATEST, unix
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.streams import StreamFacts
from fanfare.streams.schemas.summary import LabelCount, Summary, SummaryQuery, TermCount
from fanfare.streams.schemas.terms import HASHTAG, label_term

# Approved records of which words, hashtags and authors are counted, and of which those with a label are looked for.
SAMPLE, LOOKED_AT = 10_000, 50_000
# Entries of each section.
MAX_ROWS = 100
DAY = timedelta(days=1)

TOTALS = Sql("""
    with spans as (
        select d.stored_count, d.approved_count, d.reach from stream_days d
        where d.account_id = $1 and d.stream_id = :stream_id and d.label_key = coalesce(:label_key::text, '')
          and d.record_date >= :first_day and d.record_date < :end_day
        union all
        select count(*), count(*) filter (where r.record_status = 'approved'),
               coalesce(sum(r.reach) filter (where r.record_status = 'approved'), 0)
        from unnest(:starts::timestamptz[], :ends::timestamptz[]) as edge (starts_at, ends_at)
        join stream_records r on r.account_id = $1 and r.stream_id = :stream_id
         and r.created_at >= edge.starts_at and r.created_at < edge.ends_at
         and (:label_key::text is null or r.labels @> array[:label_key])
    )
    select coalesce(sum(stored_count), 0)::bigint as total, coalesce(sum(approved_count), 0)::bigint as approved_total,
           coalesce(sum(reach), 0)::bigint as reach,
           (select coalesce(sum(d.stored_count), 0)::bigint from stream_days d
            where d.account_id = $1 and d.stream_id = :stream_id and d.label_key = '') as total_stored,
           coalesce((select c.author_count from stream_author_counts c
                     where c.account_id = $1 and c.stream_id = :stream_id), 0) as author_count
    from spans
""")
WINDOW = "r.record_status = 'approved' and r.created_at >= :starts_at and r.created_at < :ends_at"


def _sample(source: str) -> Sql:
    """Return the statement that counts authors and terms of the records that `source` selects."""
    return Sql(f"""
        with sample as materialized ({source}),
        words as (
            select term, count(*) as count, row_number() over (
                partition by term like '#%' order by count(*) desc, term) as place
            from sample cross join unnest(terms) as term
            where :with_terms::boolean and term not like '@%'
            group by term
        )
        select (select count(*) from sample) as sampled_count, (select max(created_at) from sample) as last_at,
               (select count(distinct author_id) from sample) as author_count,
               coalesce((select jsonb_agg(jsonb_build_array(term, count) order by place)
                         from words where place <= :max_rows), '[]') as terms
    """)  # noqa: S608 - constants


NEWEST = f"""
    select r.author_id, r.created_at, r.terms from stream_records r
    where r.account_id = $1 and r.stream_id = :stream_id and {WINDOW} order by r.created_at desc
"""  # noqa: S608 - constants
OF_LABEL = f"""
    select r.author_id, r.created_at, r.terms
    from stream_slices s
    cross join lateral (
        select r.author_id, r.created_at, r.terms, r.record_status from stream_records r
        where r.account_id = $1 and r.slice_position = s.slice_position and r.terms @> array[:label_term::text]
        offset 0
    ) as r
    where s.account_id = $1 and s.stream_id = :stream_id and {WINDOW}
"""  # noqa: S608 - constants
SAMPLES = {
    "all": _sample(f"{NEWEST} limit {SAMPLE}"),
    "rare label": _sample(f"select * from ({OF_LABEL}) as r order by r.created_at desc limit {SAMPLE}"),  # noqa: S608 - constants
    "frequent label": _sample(
        f"select * from ({NEWEST} limit {LOOKED_AT}) as r where r.terms @> array[:label_term::text] limit {SAMPLE}"  # noqa: S608 - constants
    ),
}
LABELS = Sql("""
    select label_key, sum(approved_count)::bigint as count from (
        select d.label_key, d.approved_count from stream_days d
        where d.account_id = $1 and d.stream_id = :stream_id and d.label_key <> ''
          and d.record_date >= :first_day and d.record_date < :end_day
        union all
        select label.label_key, 1
        from unnest(:starts::timestamptz[], :ends::timestamptz[]) as edge (starts_at, ends_at)
        join stream_records r on r.account_id = $1 and r.stream_id = :stream_id and r.record_status = 'approved'
         and r.created_at >= edge.starts_at and r.created_at < edge.ends_at
        cross join unnest(r.labels) as label (label_key)
    ) as counts
    group by label_key having sum(approved_count) > 0
    order by count desc, label_key limit :max_rows
""")


async def summary(db: Db, account_id: int, query: SummaryQuery) -> Summary:
    """Return the totals of a stream in a window; Unknown (404) stream."""
    stream = await stream_by_key(db, account_id, query.stream_key)
    sections = query.data or []
    span = _span(query)
    totals = dict(await db.row(TOTALS, account_id, stream_id=stream.stream_id, label_key=query.label_key, **span) or {})
    author_count = totals.pop("author_count")
    sample = await _sampled(db, stream, query, totals["approved_total"])
    labels = None
    if "labels" in sections:
        rows = await db.rows(LABELS, account_id, stream_id=stream.stream_id, max_rows=MAX_ROWS, **span)
        labels = [LabelCount(**row) for row in rows]
    terms = [TermCount(*pair) for pair in sample.terms]
    is_complete = not (query.label_key or query.start_time or query.end_time)
    return Summary(
        stream_key=stream.stream_key,
        stream_name=stream.stream_name,
        **totals,
        authors=author_count if is_complete else sample.author_count,
        last_record_timestamp=unix(sample.last_at) if sample.last_at else None,
        words=[each for each in terms if not each.term.startswith(HASHTAG)] if "words" in sections else None,
        hashtags=[each for each in terms if each.term.startswith(HASHTAG)] if "hashtags" in sections else None,
        labels=labels,
        sampled_count=sample.count,
    )


class Sample(msgspec.Struct, frozen=True):
    """The newest approved records of a window: their number, authors and terms, and the time of the last one."""

    count: int
    author_count: int
    terms: list[tuple[str, int]]
    last_at: datetime | None


async def _sampled(db: Db, stream: StreamFacts, query: SummaryQuery, approved_total: int) -> Sample:
    first, end = _window(query)
    values: dict[str, Any] = {"stream_id": stream.stream_id, "starts_at": first, "ends_at": end}
    if query.label_key:
        values["label_term"] = label_term(query.label_key)
        kind = "rare label" if approved_total <= SAMPLE else "frequent label"
    else:
        kind = "all"
    with_terms = bool({"words", "hashtags"} & set(query.data or []))
    row = await db.row(SAMPLES[kind], stream.account_id, with_terms=with_terms, max_rows=MAX_ROWS, **values)
    assert row is not None  # noqa: S101 - counts have one row
    return Sample(row["sampled_count"], row["author_count"], row["terms"], row["last_at"])


def _window(query: SummaryQuery) -> tuple[datetime, datetime]:
    first = query.start_time or datetime(EARLIEST, 1, 1, tzinfo=UTC)
    end = query.end_time or datetime(LATEST + 1, 1, 1, tzinfo=UTC)
    return first, end


def _span(query: SummaryQuery) -> dict[str, Any]:
    """Return the complete days in GMT of the window, from the first to before the end, and the parts of other days."""
    first, end = _window(query)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    days_start = midnight if midnight == first else midnight + DAY
    days_end = max(end.replace(hour=0, minute=0, second=0, microsecond=0), days_start)
    edges = [(first, min(days_start, end)), (days_end, end)]
    edges = [(starts_at, ends_at) for starts_at, ends_at in edges if starts_at < ends_at]
    return {
        "first_day": days_start.date(),
        "end_day": days_end.date(),
        "starts": [starts_at for starts_at, _ in edges],
        "ends": [ends_at for _, ends_at in edges],
    }
